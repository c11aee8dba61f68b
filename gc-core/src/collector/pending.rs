//! Dead values that wait to be dropped, away from the pause that found them.
//!
//! Moving a value out of a dead object is a copy of its bytes, as any move in Rust is. They lie here until the background
//! thread, or an explicit `collect`, drops them.

use core::{alloc::Layout, ptr::NonNull};
use std::{alloc, panic};

use crate::{
    memory::{HEADER, TypeInfo, young_start},
    old::sweep::Dead,
};

use super::roots::BoxedValue;

/// Values moved out of dead objects in one collection, and what else it left to be dropped.
#[derive(Default)]
pub(crate) struct Pending {
    arenas: Vec<Arena>,
    values: Vec<(NonNull<u8>, &'static TypeInfo)>,
    boxed: Vec<BoxedValue>,
    /// Runs of dead large objects: dropped where they lie.
    large: Vec<u32>,
}

// SAFETY: what may be in a heap is made of traced types, which drop without running user code, and of leaves, which
// are `Send`: any thread may drop them. Nobody else has a pointer to them.
unsafe impl Send for Pending {}

struct Arena {
    start: NonNull<u8>,
    bytes: usize,
    used: usize,
}

const ARENA: usize = 64 << 10;
const ARENA_ALIGN: usize = 4096;

impl Arena {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, ARENA_ALIGN).expect("the layout of an arena")
    }

    fn new(least: usize) -> Self {
        let bytes = least.max(ARENA);
        let layout = Self::layout(bytes);
        // SAFETY: not of size 0.
        let Some(start) = NonNull::new(unsafe { alloc::alloc(layout) }) else { alloc::handle_alloc_error(layout) };
        Self { start, bytes, used: 0 }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { alloc::dealloc(self.start.as_ptr(), Self::layout(self.bytes)) }
    }
}

/// What dropping found.
#[derive(Default)]
pub(crate) struct Dropped {
    pub(crate) values: u64,
    /// Types whose destructors panicked.
    pub(crate) panicked: Vec<&'static str>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len() + self.boxed.len() + self.large.len()
    }

    /// Bytes that the values lie in.
    pub(crate) fn bytes(&self) -> usize {
        self.arenas.iter().map(|arena| arena.bytes).sum()
    }

    pub(crate) fn boxed(&mut self, value: BoxedValue) {
        self.boxed.push(value);
    }

    /// Large objects to be dropped where they lie.
    pub(crate) fn take_large(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.large)
    }

    /// Drops every value but the large ones. Panics are counted; the rest goes on.
    pub(crate) fn run(self, dropped: &mut Dropped) {
        for (value, info) in self.values {
            // SAFETY: moved out of a dead object of this type into an arena of ours, dropped here only.
            unsafe { drop_object(value.as_ptr(), info, dropped) };
        }
        for boxed in self.boxed {
            // SAFETY: its root is gone and unlinked; dropped here only.
            unsafe { drop_object(boxed.value.as_ptr(), boxed.info, dropped) };
            // SAFETY: dropped just now.
            unsafe { boxed.free() };
        }
    }
}

/// Drops an object's values one by one.
///
/// # Safety
///
/// `address` is that of an object of type `info` which nobody uses any more and nobody else drops.
pub(crate) unsafe fn drop_object(address: *mut u8, info: &'static TypeInfo, dropped: &mut Dropped) {
    dropped.values += 1;
    let Some(drop) = info.drop else { return };
    // SAFETY: the caller's.
    let len = unsafe { info.len(address) };
    let first = info.first(address);
    let size = info.shape.elem_size as usize;
    for index in 0..len {
        let value = first.wrapping_add(index * size);
        // SAFETY: each value once; it is nobody's (the caller's), so no broken state is seen if it panics.
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| unsafe { drop(value) }));
        if let Err(payload) = outcome {
            dropped.panicked.push((info.name)());
            // Its destructor is user code too: what panics twice leaks.
            core::mem::forget(payload);
        }
    }
}

impl Dead for Pending {
    unsafe fn moved_out(&mut self, address: *mut u8, info: &'static TypeInfo) {
        // SAFETY: the caller's.
        let extent = unsafe { info.extent(address) };
        let (align, slice) = (usize::from(info.shape.align), info.shape.slice);
        let place = |arena: &Arena| {
            let start = arena.start.addr().get();
            let at = young_start(start + arena.used, align, slice) - start;
            (at + extent <= arena.bytes).then_some(at)
        };
        let at = match self.arenas.last().and_then(place) {
            Some(at) => at,
            None => {
                self.arenas.push(Arena::new(extent + ARENA_ALIGN));
                self.arenas.last().and_then(place).expect("a new arena has room for what it was made for")
            }
        };
        let arena = self.arenas.last_mut().expect("there is an arena");
        arena.used = at + extent;
        // SAFETY: `at` + `extent` is inside the arena.
        let to = unsafe { arena.start.add(at) };
        // SAFETY: from the header over the object's extent; the arena's part is nobody's.
        unsafe { to.as_ptr().copy_from_nonoverlapping(address.sub(HEADER), extent) };
        // SAFETY: as above.
        let value = unsafe { to.add(HEADER) };
        self.values.push((value, info));
    }

    fn large(&mut self, page: u32) {
        self.large.push(page);
    }
}
