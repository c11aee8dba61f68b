//! The static type info of each type that lives in a heap, with the instances of its `trace` for
//! every visitor.

use core::marker::PhantomData;

use crate::{
    Gc,
    barrier::SatbLogger,
    object::{MAX_ALIGN, TraceFns, TypeInfo, TypeShape},
    old::{mark::Marker, update::Updater},
    registered::WeakCell,
    trace::{Tailed, Trace, Visitor},
    young::{ContentInfo, Evacuator},
};

use super::{inspect::Inspector, promotion::Promotion};

/// Names the type infos of `T`.
pub(crate) struct TypeInfoOf<T>(PhantomData<T>);

impl<T: Trace> TypeInfoOf<T> {
    /// The type info of `T` as an object, as the content of a cell, or as a root.
    pub(crate) const SIZED: &'static TypeInfo = &Self::named(core::any::type_name::<T>);

    /// The type info of `[T]` as an object.
    pub(crate) const SLICE: &'static TypeInfo = &TypeInfo {
        shape: TypeShape::slice(size_of::<T>(), Self::ALIGN, Self::LEAF),
        trace: TraceFns {
            evacuate: many::<T, Evacuate>,
            evacuate_shared: many::<T, EvacuateShared>,
            mark: many::<T, Mark>,
            log_old_value: one::<T, Log>,
            update: many::<T, Update>,
            inspect: many::<T, Inspect>,
        },
        drop: if core::mem::needs_drop::<T>() { Some(drop_one::<T>) } else { None },
        tail: None,
        name: core::any::type_name::<[T]>,
    };

    /// Returns the type info of `T` with a name of its own.
    const fn named(name: fn() -> &'static str) -> TypeInfo {
        TypeInfo {
            shape: TypeShape::sized(size_of::<T>(), Self::ALIGN, Self::LEAF, T::HAS_CELL),
            trace: TraceFns {
                evacuate: one::<T, Evacuate>,
                evacuate_shared: one::<T, EvacuateShared>,
                mark: one::<T, Mark>,
                log_old_value: one::<T, Log>,
                update: one::<T, Update>,
                inspect: one::<T, Inspect>,
            },
            drop: if core::mem::needs_drop::<T>() { Some(drop_one::<T>) } else { None },
            tail: None,
            name,
        }
    }

    /// A type of size zero holds no pointer. It must be a leaf, because a slice may have any number
    /// of such elements.
    const LEAF: bool = !T::HAS_GC || size_of::<T>() == 0;

    const ALIGN: usize = {
        assert!(align_of::<T>() <= MAX_ALIGN, "an object of the heap may have an alignment of at most 4096");
        align_of::<T>()
    };
}

impl<T: Tailed> TypeInfoOf<T> {
    /// The type info of `T` as an object with a tail ([layout.tail]).
    pub(crate) const TAILED: &'static TypeInfo = &TypeInfo {
        shape: TypeShape::tailed(size_of::<T>(), Self::ALIGN, Self::LEAF, T::HAS_CELL),
        tail: Some(tail_of::<T>),
        ..Self::named(core::any::type_name::<T>)
    };
}

/// The type info of `str` as an object.
pub(crate) const STR: &TypeInfo = &TypeInfo {
    shape: TypeShape::slice(1, 1, true),
    trace: TraceFns {
        evacuate: many::<u8, Evacuate>,
        evacuate_shared: many::<u8, EvacuateShared>,
        mark: many::<u8, Mark>,
        log_old_value: one::<u8, Log>,
        update: many::<u8, Update>,
        inspect: many::<u8, Inspect>,
    },
    drop: None,
    tail: None,
    name: core::any::type_name::<str>,
};

/// The type info of a word that points to an object of any type, and is traced as a root.
pub(crate) const WORD: &TypeInfo = TypeInfoOf::<Gc<'static, u64>>::SIZED;

/// The type info of a word of a frame that points to an object of any type.
pub(crate) const KEPT: &TypeInfo = &TypeInfoOf::<Gc<'static, u64>>::named(|| "(kept in a frame)");

/// The type info of weak cells. It is a static, so that its address identifies them.
pub(crate) static WEAK_CELL: TypeInfo = TypeInfo {
    shape: TypeShape::sized(size_of::<WeakCell>(), align_of::<WeakCell>(), true, false),
    trace: TraceFns {
        evacuate: one::<WeakCell, Evacuate>,
        evacuate_shared: one::<WeakCell, EvacuateShared>,
        mark: one::<WeakCell, Mark>,
        log_old_value: one::<WeakCell, Log>,
        update: one::<WeakCell, Update>,
        inspect: one::<WeakCell, Inspect>,
    },
    drop: None,
    tail: None,
    name: core::any::type_name::<WeakCell>,
};

/// Names the visitors that the collector uses, whose types have lifetimes.
trait Purpose {
    type Visitor<'a>: Visitor;
}

struct Evacuate;
struct EvacuateShared;
struct Mark;
struct Log;
struct Update;
struct Inspect;

impl Purpose for Evacuate {
    type Visitor<'a> = Evacuator<'a, Promotion<'a>, false>;
}

impl Purpose for EvacuateShared {
    type Visitor<'a> = Evacuator<'a, Promotion<'a>, true>;
}

impl Purpose for Mark {
    type Visitor<'a> = Marker<'a>;
}

impl Purpose for Log {
    type Visitor<'a> = SatbLogger<'a>;
}

impl Purpose for Update {
    type Visitor<'a> = Updater<'a>;
}

impl Purpose for Inspect {
    type Visitor<'a> = Inspector<'a>;
}

/// Visits one value with the visitor of a purpose.
///
/// # Safety
///
/// - `value` is a valid `T` that the visitor may visit.
/// - `visitor` is a `P::Visitor` that no other code uses meanwhile.
unsafe fn one<T: Trace, P: Purpose>(value: *mut u8, _: usize, visitor: *mut u8) {
    // SAFETY: the caller passes a `P::Visitor` that no other code uses meanwhile.
    let visitor = unsafe { &mut *visitor.cast::<P::Visitor<'_>>() };
    // SAFETY: the caller passes a valid `T` that the visitor may visit.
    unsafe { T::trace(value.cast(), visitor) }
}

/// Visits `count` values with the visitor of a purpose.
///
/// # Safety
///
/// As for [`one`], for `count` values from `first` on.
unsafe fn many<T: Trace, P: Purpose>(first: *mut u8, count: usize, visitor: *mut u8) {
    // SAFETY: the caller passes a `P::Visitor` that no other code uses meanwhile.
    let visitor = unsafe { &mut *visitor.cast::<P::Visitor<'_>>() };
    let first = first.cast::<T>();
    for index in 0..count {
        // SAFETY: the caller passes `count` valid values from `first` on, which the visitor may visit.
        visitor.element(index, |visitor| unsafe { T::trace(first.add(index), visitor) });
    }
}

/// Returns the bytes behind a value.
///
/// # Safety
///
/// `value` is a valid `T`.
unsafe fn tail_of<T: Tailed>(value: *const u8) -> usize {
    // SAFETY: the caller passes a valid `T`; what says the length is not written ([trace.tail]).
    unsafe { &*value.cast::<T>() }.tail()
}

/// Drops one value.
///
/// # Safety
///
/// `value` is a valid `T` that nothing uses any more.
unsafe fn drop_one<T>(value: *mut u8) {
    // SAFETY: the caller passes a valid `T` that nothing uses any more.
    unsafe { value.cast::<T>().drop_in_place() }
}

impl ContentInfo for Promotion<'_> {
    fn content_info<T: Trace>() -> &'static TypeInfo {
        TypeInfoOf::<T>::SIZED
    }
}
