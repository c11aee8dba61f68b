//! What barriers, promotion and the sweep need of objects. Pointer slots, the words of cells, the claims of copies and size
//! classes are the production files.

pub(crate) use cell_word::CellWord;
pub(crate) use pair::{EphemeronPair, PairList, PairRef};
pub(crate) use pointer_slot::PointerSlot;

#[path = "../../gc-core/src/object/cell_word.rs"]
pub(crate) mod cell_word;
#[path = "../../gc-core/src/object/forwarding.rs"]
pub(crate) mod forwarding;
#[path = "../../gc-core/src/object/pair.rs"]
pub(crate) mod pair;
#[path = "../../gc-core/src/object/pointer_slot.rs"]
pub(crate) mod pointer_slot;
#[path = "../../gc-core/src/object/size_class.rs"]
pub(crate) mod size_class;

mod layout {
    pub(crate) const fn value_size(size: usize) -> usize {
        8 + size
    }

    pub(crate) const MAX_SMALL: usize = crate::memory::BLOCK / 2;
}

/// A flag of an object, which no model looks at.
pub(crate) enum Flag {
    Registered,
}

/// A header. There is one type of objects.
pub(crate) struct Header;

impl Header {
    pub(crate) fn of(_: *mut u8) -> Self {
        Self
    }

    /// # Safety
    ///
    /// None: nothing is read.
    pub(crate) unsafe fn info(&self) -> &'static TypeInfo {
        &OBJECT
    }

    /// # Safety
    ///
    /// None: nothing is written.
    pub(crate) unsafe fn raise(&self, _: Flag) -> bool {
        true
    }
}

/// An object that fills half a block and needs dropping.
pub(crate) static OBJECT: TypeInfo =
    TypeInfo { trace: TraceFns { log_old_value: no_pointers }, shape: SHAPE, drop: Some(|| ()) };

/// The same, without anything to drop.
pub(crate) static PLAIN: TypeInfo =
    TypeInfo { trace: TraceFns { log_old_value: no_pointers }, shape: SHAPE, drop: None };

const SHAPE: TypeShape = TypeShape { align: 8, size_with_header: (crate::memory::BLOCK / 2) as u32 };

/// Does nothing: the object has no pointers.
///
/// # Safety
///
/// None: nothing is read.
unsafe fn no_pointers(_: *mut u8, _: usize, _: *mut u8) {}

/// The type of an object, or of a cell's content.
pub struct TypeInfo {
    pub(crate) trace: TraceFns,
    pub(crate) shape: TypeShape,
    pub(crate) drop: Option<fn()>,
}

impl TypeInfo {
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct TypeShape {
    pub(crate) align: u16,
    pub(crate) size_with_header: u32,
}

pub(crate) struct TraceFns {
    pub(crate) log_old_value: unsafe fn(*mut u8, usize, *mut u8),
}

impl TypeShape {
    pub(crate) fn cell_bytes(&self, size_with_header: usize) -> usize {
        size_with_header
    }

    pub(crate) fn cell_offset(&self) -> usize {
        8
    }
}
