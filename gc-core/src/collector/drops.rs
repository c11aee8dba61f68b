//! The drop queue: dead values that wait to be dropped, outside of the pause that found them.
//!
//! Moving a value out of a dead object copies its bytes, as any move in Rust does. The values stay
//! here until a thread for destructors drops them, part by part (`parts`). A queue is called `dead`
//! where it is passed on. `drops` are something else: the objects that will need dropping when they
//! are dead.

use core::{alloc::Layout, ptr::NonNull};
use std::{alloc, panic, thread};

use crate::{
    object::{HEADER, Header, HeaderWord, TypeInfo, copy_object, young_start},
    old::sweep::Dead,
    roots::{BoxedValue, EmptyChunks, Found},
};

/// Dead values that one collection moved out of their objects, and the other values that it left to
/// be dropped.
pub(crate) struct DropQueue {
    arenas: Vec<Arena>,
    /// The free memory of the last arena.
    next: *mut u8,
    end: usize,
    /// Objects in the arenas.
    values: usize,
    /// Objects in the arenas before the last one.
    sealed: usize,
    /// Values and bytes that are counted already: see [`count_new`](Self::count_new).
    counted: (usize, usize),
    /// The batch that they are counted in (`pending`).
    pub(crate) batch: Option<u64>,
    boxed: Vec<BoxedValue>,
    /// Chunks without roots, whose memory is to be freed after the pause.
    empty: Vec<EmptyChunks>,
    /// Runs of dead large objects, which are dropped in place.
    large: Vec<DeadRun>,
}

impl Default for DropQueue {
    fn default() -> Self {
        let next = core::ptr::null_mut();
        let (arenas, boxed, empty, large) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { arenas, next, end: 0, values: 0, sealed: 0, counted: (0, 0), batch: None, boxed, empty, large }
    }
}

// SAFETY: the values of a heap are of traced types, which drop without running user code, and of leaf types, which are `Send`:
// any thread may drop them. No other code has a pointer to them.
unsafe impl Send for DropQueue {}

/// The run of a dead large object.
pub(crate) struct DeadRun {
    pub(crate) page: u32,
    /// The type of the object, also when the run has been freed.
    pub(crate) info: &'static TypeInfo,
}

/// Memory that dead objects are moved into. Objects with their headers, and fillers, lie below
/// `used` without a gap.
pub(crate) struct Arena {
    start: NonNull<u8>,
    pub(crate) bytes: usize,
    /// Valid once the arena is sealed, as is `objects`.
    used: usize,
    pub(crate) objects: usize,
}

// SAFETY: as for `DropQueue`. Several threads read headers; each object is dropped by one ([claims.once]).
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

const ARENA: usize = 64 << 10;
const ARENA_ALIGN: usize = 4096;

impl Arena {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, ARENA_ALIGN).expect("the layout of an arena")
    }

    fn new(least: usize) -> Self {
        let bytes = least.max(ARENA);
        let layout = Self::layout(bytes);
        // SAFETY: the size of the layout is not 0.
        let Some(start) = NonNull::new(unsafe { alloc::alloc(layout) }) else { alloc::handle_alloc_error(layout) };
        Self { start, bytes, used: 0, objects: 0 }
    }

    /// Returns the objects of a sealed arena in the order of their addresses: where they are and
    /// their types. Dropping an object leaves its header as it is.
    pub(crate) fn objects(&self) -> Objects<'_> {
        Objects { arena: self, at: self.start.as_ptr() }
    }
}

/// The objects of an arena.
pub(crate) struct Objects<'a> {
    arena: &'a Arena,
    at: *mut u8,
}

impl Iterator for Objects<'_> {
    type Item = (*mut u8, &'static TypeInfo);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let end = self.arena.start.as_ptr().wrapping_add(self.arena.used);
        while self.at < end {
            let header = Header::at(NonNull::new(self.at)?);
            // SAFETY: the header of an object or of a filler.
            match unsafe { header.read() } {
                HeaderWord::Info(info) => {
                    let address = header.address();
                    // SAFETY: an object of this type, which was moved here with its header.
                    self.at = self.at.wrapping_add(unsafe { info.size_with_header(address) });
                    return Some((address, info));
                }
                HeaderWord::Filler(bytes) => self.at = self.at.wrapping_add(bytes),
                HeaderWord::Forwarded(_) => unreachable!("gc-core: a forwarded object waits to be dropped"),
            }
        }
        None
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { alloc::dealloc(self.start.as_ptr(), Self::layout(self.bytes)) }
    }
}

/// The outcome of dropping values.
#[derive(Default)]
pub(crate) struct Dropped {
    pub(crate) values: u64,
    /// Types whose destructors panicked.
    pub(crate) panicked: Vec<&'static str>,
}

impl Dropped {
    /// Records the outcome of a destructor of the type `name`.
    pub(crate) fn note(&mut self, outcome: thread::Result<()>, name: fn() -> &'static str) {
        if let Err(payload) = outcome {
            self.panicked.push(name());
            // The payload's destructor is user code too, and may panic again: the payload leaks.
            core::mem::forget(payload);
        }
    }
}

impl DropQueue {
    pub(crate) fn len(&self) -> usize {
        self.values + self.boxed.len() + self.large.len()
    }

    /// Returns the bytes of memory that hold the values.
    pub(crate) fn bytes(&self) -> usize {
        self.arenas.iter().map(|arena| arena.bytes).sum()
    }

    /// Returns the number of values, and the bytes of memory that hold them, that are new since the
    /// last call.
    pub(crate) fn count_new(&mut self) -> (usize, usize) {
        let now = (self.len(), self.bytes());
        let before = core::mem::replace(&mut self.counted, now);
        (now.0 - before.0, now.1 - before.1)
    }

    /// Records how much of the last arena is used, and by how many objects.
    fn seal(&mut self) {
        if let Some(arena) = self.arenas.last_mut() {
            arena.used = self.next.addr() - arena.start.addr().get();
            arena.objects = self.values - self.sealed;
            self.sealed = self.values;
        }
    }

    /// Takes memory for an object of any alignment, and fills the gap before it. Returns the
    /// address for its header.
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
                    // SAFETY: free memory of the arena.
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

    /// Takes over what a pause has found in the roots.
    pub(crate) fn take_over(&mut self, mut found: Found) {
        self.boxed.append(&mut found.boxed);
        if !found.empty.is_empty() {
            self.empty.push(found.empty);
        }
    }

    /// Takes the chunks without roots.
    pub(crate) fn take_empty(&mut self) -> Vec<EmptyChunks> {
        core::mem::take(&mut self.empty)
    }

    /// Returns the values: those in arenas, the boxed ones, and the runs of large objects.
    pub(crate) fn into_values(mut self) -> (Vec<Arena>, Vec<BoxedValue>, Vec<DeadRun>) {
        self.seal();
        (self.arenas, self.boxed, self.large)
    }
}

impl BoxedValue {
    /// Drops the value and frees its memory. A panic of its destructor is recorded.
    ///
    /// # Safety
    ///
    /// Only the caller has the value: its root is gone and unlinked.
    pub(crate) unsafe fn drop_and_free(self, dropped: &mut Dropped) {
        // SAFETY: only the caller has the value. It is dropped as the type that it has at any lifetime: traced types run no user
        // code of their own, and leaf types know no lifetime.
        unsafe { drop_object(self.value.as_ptr(), self.info, dropped) };
        // SAFETY: the value was dropped just now.
        unsafe { self.free() };
    }
}

/// Drops an object's values one by one.
///
/// # Safety
///
/// `address` is that of an object of type `info` which no other code uses or drops.
pub(crate) unsafe fn drop_object(address: *mut u8, info: &'static TypeInfo, dropped: &mut Dropped) {
    dropped.values += 1;
    let Some(drop) = info.drop else { return };
    // SAFETY: the caller passes an object of type `info`.
    let len = unsafe { info.len(address) };
    let first = info.first(address);
    let size = info.shape.elem_size as usize;
    for index in 0..len {
        let value = first.wrapping_add(index * size);
        // SAFETY: each value is dropped once, and no other code uses it (the caller's duty). So no code sees a broken state if it
        // panics.
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| unsafe { drop(value) }));
        dropped.note(outcome, info.name);
    }
}

impl Dead for DropQueue {
    #[inline(always)]
    unsafe fn enqueue(&mut self, address: *mut u8, info: &'static TypeInfo) {
        // SAFETY: the caller passes an object of type `info`.
        let size_with_header = unsafe { info.size_with_header(address) };
        let place = if info.shape.align <= 8 && self.end.wrapping_sub(self.next.addr()) >= size_with_header {
            let place = self.next;
            self.next = place.wrapping_add(size_with_header);
            place
        } else {
            self.place_slow(info, size_with_header)
        };
        // SAFETY: the source is the object from its header on, which no other code uses (the caller's duty). The target has the
        // same size, and is free memory of an arena.
        unsafe { copy_object(address.sub(HEADER), place, size_with_header) };
        self.values += 1;
    }

    fn large(&mut self, page: u32, info: &'static TypeInfo) {
        self.large.push(DeadRun { page, info });
    }
}
