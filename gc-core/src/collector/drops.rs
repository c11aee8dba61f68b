//! Dead values that wait to be dropped, away from the pause that found them.
//!
//! Moving a value out of a dead object is a copy of its bytes, as any move in Rust is. They lie here until the background
//! thread, or an explicit `collect`, drops them.

use core::{alloc::Layout, ptr::NonNull};
use std::{alloc, panic, thread};

use crate::{
    object::{HEADER, Header, HeaderWord, TypeInfo, copy_object, young_start},
    old::sweep::Dead,
    roots::BoxedValue,
};

/// Values moved out of dead objects in one collection, and what else it left to be dropped.
pub(crate) struct DropQueue {
    arenas: Vec<Arena>,
    /// The free memory of the last arena.
    next: *mut u8,
    end: usize,
    /// Objects in the arenas.
    values: usize,
    /// Values, and bytes, that have been counted: see [`count_new`](Self::count_new).
    counted: (usize, usize),
    boxed: Vec<BoxedValue>,
    /// Runs of dead large objects: dropped where they lie.
    large: Vec<u32>,
}

impl Default for DropQueue {
    fn default() -> Self {
        let next = core::ptr::null_mut();
        Self { arenas: Vec::new(), next, end: 0, values: 0, counted: (0, 0), boxed: Vec::new(), large: Vec::new() }
    }
}

// SAFETY: what may be in a heap is made of traced types, which drop without running user code, and of leaves, which
// are `Send`: any thread may drop them. Nobody else has a pointer to them.
unsafe impl Send for DropQueue {}

/// Memory that dead objects are moved into: below `used` lie objects with their headers, and fillers, without a gap.
struct Arena {
    start: NonNull<u8>,
    bytes: usize,
    /// Valid once the arena is sealed.
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

impl Arena {
    /// Drops what was moved here, once.
    fn drop_objects(&self, dropped: &mut Dropped) {
        let end = self.start.as_ptr().wrapping_add(self.used);
        let mut at = self.start.as_ptr();
        let mut name: fn() -> &'static str = core::any::type_name::<()>;
        while at < end {
            // One net for many objects: spreading it costs as much as dropping a small one.
            let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
                while at < end {
                    let Some(place) = NonNull::new(at) else { break };
                    let header = Header::at(place);
                    // SAFETY: a header, of an object or a filler.
                    let info = match unsafe { header.read() } {
                        HeaderWord::Info(info) => info,
                        HeaderWord::Filler(bytes) => {
                            at = at.wrapping_add(bytes);
                            continue;
                        }
                        HeaderWord::Forwarded(_) => unreachable!("gc-core: a forwarded object waits to be dropped"),
                    };
                    let address = header.address();
                    // SAFETY: an object of this type, moved here whole.
                    at = at.wrapping_add(unsafe { info.size_with_header(address) });
                    match info.drop {
                        Some(drop) if !info.shape.slice => {
                            (name, dropped.values) = (info.name, dropped.values + 1);
                            // SAFETY: dropped here only; `at` is behind it, so also if this panics.
                            unsafe { drop(address) };
                        }
                        // SAFETY: as above.
                        _ => unsafe { drop_object(address, info, dropped) },
                    }
                }
            }));
            dropped.note(outcome, name);
        }
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

impl Dropped {
    /// Notes how a destructor of the type `name` has ended.
    pub(crate) fn note(&mut self, outcome: thread::Result<()>, name: fn() -> &'static str) {
        if let Err(payload) = outcome {
            self.panicked.push(name());
            // Its destructor is user code too: what panics twice leaks.
            core::mem::forget(payload);
        }
    }
}

impl DropQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.values + self.boxed.len() + self.large.len()
    }

    /// Bytes that the values lie in.
    pub(crate) fn bytes(&self) -> usize {
        self.arenas.iter().map(|arena| arena.bytes).sum()
    }

    /// Values, and the bytes that they lie in, that came since the last call.
    pub(crate) fn count_new(&mut self) -> (usize, usize) {
        let now = (self.len(), self.bytes());
        let before = core::mem::replace(&mut self.counted, now);
        (now.0 - before.0, now.1 - before.1)
    }

    /// Records how much of the last arena is used.
    fn seal(&mut self) {
        if let Some(arena) = self.arenas.last_mut() {
            arena.used = self.next.addr() - arena.start.addr().get();
        }
    }

    /// Memory for an object of any alignment, gaps filled: the place of its header.
    #[cold]
    #[inline(never)]
    fn place_slow(&mut self, info: &'static TypeInfo, size_with_header: usize) -> *mut u8 {
        loop {
            let at = young_start(self.next.addr(), usize::from(info.shape.align), info.shape.slice);
            if !self.next.is_null() && at + size_with_header <= self.end {
                let gap = at - self.next.addr();
                if gap > 0
                    && let Some(place) = NonNull::new(self.next)
                {
                    // SAFETY: the arena's free memory.
                    unsafe { Header::at(place).write_filler(gap) };
                }
                let place = self.next.wrapping_add(gap);
                self.next = place.wrapping_add(size_with_header);
                return place;
            }
            self.seal();
            let arena = Arena::new(size_with_header + ARENA_ALIGN);
            self.next = arena.start.as_ptr();
            self.end = self.next.addr() + arena.bytes;
            self.arenas.push(arena);
        }
    }

    pub(crate) fn boxed(&mut self, value: BoxedValue) {
        self.boxed.push(value);
    }

    /// Large objects to be dropped where they lie.
    pub(crate) fn take_large(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.large)
    }

    /// Drops every value but the large ones. Panics are counted; the rest goes on.
    pub(crate) fn run(mut self, dropped: &mut Dropped) {
        self.seal();
        for arena in &self.arenas {
            arena.drop_objects(dropped);
        }
        for boxed in self.boxed {
            // SAFETY: its root is gone and unlinked; dropped here only.
            unsafe { boxed.drop_and_free(dropped) };
        }
    }
}

impl BoxedValue {
    /// Drops the value, and frees its memory. A destructor that panics is noted.
    ///
    /// # Safety
    ///
    /// The value is the caller's: its root is gone and unlinked.
    pub(crate) unsafe fn drop_and_free(self, dropped: &mut Dropped) {
        // SAFETY: the caller's. Dropped as the type it has at any lifetime; traced types run no user code of their own, leaves know
        // no lifetime.
        unsafe { drop_object(self.value.as_ptr(), self.info, dropped) };
        // SAFETY: dropped just now.
        unsafe { self.free() };
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
        dropped.note(outcome, info.name);
    }
}

impl Dead for DropQueue {
    #[inline(always)]
    unsafe fn enqueue(&mut self, address: *mut u8, info: &'static TypeInfo) {
        // SAFETY: the caller's.
        let size_with_header = unsafe { info.size_with_header(address) };
        let place = if info.shape.align <= 8 && self.end.wrapping_sub(self.next.addr()) >= size_with_header {
            let place = self.next;
            self.next = place.wrapping_add(size_with_header);
            place
        } else {
            self.place_slow(info, size_with_header)
        };
        // SAFETY: from the header over the object's extent; the place is nobody's.
        unsafe { copy_object(address.sub(HEADER), place, size_with_header) };
        self.values += 1;
    }

    fn large(&mut self, page: u32) {
        self.large.push(page);
    }
}
