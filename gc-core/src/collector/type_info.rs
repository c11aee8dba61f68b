//! The static description of each type that lives in a heap, and with it the instantiation of its `trace` for every visitor.

use core::marker::PhantomData;

use crate::{
    barrier::{Barrier, Preserver},
    object::{MAX_ALIGN, TraceFns, TypeInfo, TypeShape, size_class::SizeClass},
    old::{mark::Marker, promote::Cursors},
    space::old::{Bits, OldSpace},
    sync::Mutex,
    trace::{Trace, Visitor},
    young::{Evacuator, Promote},
};

use super::verify::Inspector;

/// Names the descriptions of `T`.
pub(crate) struct Describe<T>(PhantomData<T>);

impl<T: Trace> Describe<T> {
    /// `T` as an object, as the content of a cell, or as a root.
    pub(crate) const SIZED: &'static TypeInfo = &TypeInfo {
        shape: TypeShape::sized(size_of::<T>(), Self::ALIGN, Self::LEAF),
        trace: TraceFns {
            evacuate: one::<T, Evacuate>,
            evacuate_shared: one::<T, EvacuateShared>,
            mark: one::<T, Mark>,
            preserve: preserve::<T>,
            inspect: one::<T, Inspect>,
        },
        drop: if core::mem::needs_drop::<T>() { Some(drop_one::<T>) } else { None },
        name: core::any::type_name::<T>,
    };

    /// `[T]` as an object.
    pub(crate) const SLICE: &'static TypeInfo = &TypeInfo {
        shape: TypeShape::slice(size_of::<T>(), Self::ALIGN, Self::LEAF),
        trace: TraceFns {
            evacuate: many::<T, Evacuate>,
            evacuate_shared: many::<T, EvacuateShared>,
            mark: many::<T, Mark>,
            preserve: preserve::<T>,
            inspect: many::<T, Inspect>,
        },
        drop: if core::mem::needs_drop::<T>() { Some(drop_one::<T>) } else { None },
        name: core::any::type_name::<[T]>,
    };

    /// What has no size holds no pointer, whatever its type: a slice may have any number of it.
    const LEAF: bool = !T::HAS_GC || size_of::<T>() == 0;

    const ALIGN: usize = {
        assert!(align_of::<T>() <= MAX_ALIGN, "an object of the heap may have an alignment of at most 4096");
        align_of::<T>()
    };
}

/// `str` as an object.
pub(crate) const STR: &TypeInfo = &TypeInfo {
    shape: TypeShape::slice(1, 1, true),
    trace: TraceFns {
        evacuate: many::<u8, Evacuate>,
        evacuate_shared: many::<u8, EvacuateShared>,
        mark: many::<u8, Mark>,
        preserve: preserve::<u8>,
        inspect: many::<u8, Inspect>,
    },
    drop: None,
    name: core::any::type_name::<str>,
};

/// The visitors that the collector uses, by name, as their types have lifetimes.
trait Purpose {
    type Visitor<'a>: Visitor;
}

struct Evacuate;
struct EvacuateShared;
struct Mark;
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

impl Purpose for Inspect {
    type Visitor<'a> = Inspector;
}

/// # Safety
///
/// `value` is a valid `T` that the visitor may look at, `visitor` one for this purpose that nobody else uses meanwhile.
unsafe fn one<T: Trace, P: Purpose>(value: *mut u8, _: usize, visitor: *mut u8) {
    // SAFETY: the caller's.
    let visitor = unsafe { &mut *visitor.cast::<P::Visitor<'_>>() };
    // SAFETY: the caller's.
    unsafe { T::trace(value.cast(), visitor) }
}

/// # Safety
///
/// As for [`one`], for `count` values from `first` on.
unsafe fn many<T: Trace, P: Purpose>(first: *mut u8, count: usize, visitor: *mut u8) {
    // SAFETY: the caller's.
    let visitor = unsafe { &mut *visitor.cast::<P::Visitor<'_>>() };
    let first = first.cast::<T>();
    for index in 0..count {
        // SAFETY: the caller's.
        unsafe { T::trace(first.add(index), visitor) }
    }
}

/// # Safety
///
/// `value` is a valid `T` that nobody writes meanwhile, `barrier` the one of the mutator that is running.
unsafe fn preserve<T: Trace>(value: *mut u8, _: usize, barrier: *mut u8) {
    // SAFETY: the caller's.
    let mut visitor = Preserver::new(unsafe { &*barrier.cast::<Barrier>() });
    // SAFETY: the caller's.
    unsafe { T::trace(value.cast(), &mut visitor) }
}

/// # Safety
///
/// `value` is a valid `T` that nobody uses any more.
unsafe fn drop_one<T>(value: *mut u8) {
    // SAFETY: the caller's.
    unsafe { value.cast::<T>().drop_in_place() }
}

/// Promotion into the old part, for one worker of the young collection.
pub(crate) struct Promotion<'a> {
    old: &'a Mutex<&'a mut OldSpace>,
    bits: &'a Bits,
    cursors: &'a mut Cursors,
    /// Runs of large objects that became old.
    pub(crate) large: Vec<u32>,
}

impl<'a> Promotion<'a> {
    pub(crate) fn new(old: &'a Mutex<&'a mut OldSpace>, bits: &'a Bits, cursors: &'a mut Cursors) -> Self {
        Self { old, bits, cursors, large: Vec::new() }
    }
}

impl Promote for Promotion<'_> {
    #[inline(always)]
    fn place(&mut self, info: &'static TypeInfo, extent: usize) -> (*mut u8, SizeClass) {
        self.cursors.place(self.old, self.bits, info, extent)
    }

    #[inline(always)]
    fn take(&mut self, address: *mut u8, class: SizeClass, info: &'static TypeInfo) {
        self.cursors.take(self.bits, address, class, info);
    }

    fn promoted_large(&mut self, page: usize) {
        self.large.push(page as u32);
    }

    fn content_info<T: Trace>() -> &'static TypeInfo {
        Describe::<T>::SIZED
    }
}
