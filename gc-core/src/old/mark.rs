//! Marking the old generation, with the world stopped.
//!
//! A stack of addresses, and in front of the mark bits a first-in-first-out queue: what leaves the stack is prefetched
//! and waits in the queue until its mark word and header have arrived (Cher, Hosking, Vitek: *Software prefetching for mark-sweep
//! garbage collection*, 2004).
//!
//! - **M1** Nothing is young when marking begins: every object is old.
//! - **M2** An object is traced by whoever sets its mark.

use core::ptr::NonNull;

use crate::{
    memory::{
        CellWord, Edge, HEADER, Header, Part, TypeInfo,
        bitmap::prefetch,
        blocks::{Bits, OldSpace},
        large::RunTable,
    },
    sync::atomic::Ordering,
    trace::{Trace, Visitor, sealed},
};

/// The state of one marking.
pub(crate) struct Marker<'a> {
    bits: &'a Bits,
    runs: &'a RunTable,
    old_part: Part,
    large_part: Part,
    stack: Vec<NonNull<u8>>,
    /// Slices of which a part was traced: address and next element.
    arrays: Vec<(NonNull<u8>, usize)>,
    pub(crate) objects: usize,
}

/// Objects in flight between the prefetch and the mark.
const IN_FLIGHT: usize = 32;
/// Elements of a slice that are traced at once.
const PIECE: usize = 1024;

impl<'a> Marker<'a> {
    pub(crate) fn new(old: &'a OldSpace, runs: &'a RunTable) -> Self {
        let (old_part, large_part) = (old.map.old, old.map.large);
        Self { bits: &old.bits, runs, old_part, large_part, stack: Vec::new(), arrays: Vec::new(), objects: 0 }
    }

    /// Reports a root: `count` values from `first`.
    ///
    /// # Safety
    ///
    /// They are live values of the type `info`; the world is stopped; M1.
    pub(crate) unsafe fn root(&mut self, info: &'static TypeInfo, first: *mut u8, count: usize) {
        // SAFETY: the caller's; the visitor is of the type that `mark` was made for.
        unsafe { (info.trace.mark)(first, count, (&raw mut *self).cast()) };
    }

    /// Marks everything that is reachable from what was reported.
    pub(crate) fn drain(&mut self) {
        // First in, first out: `waiting` objects from `first` on, which are on their way to the cache.
        let mut queue = [NonNull::<u8>::dangling(); IN_FLIGHT];
        let (mut first, mut waiting) = (0, 0);
        loop {
            while waiting < IN_FLIGHT
                && let Some(address) = self.stack.pop()
            {
                self.prefetch(address);
                queue[(first + waiting) % IN_FLIGHT] = address;
                waiting += 1;
            }
            if waiting > 0 {
                let due = queue[first];
                first = (first + 1) % IN_FLIGHT;
                waiting -= 1;
                self.mark(due);
            } else if let Some((array, from)) = self.arrays.pop() {
                self.trace_piece(array, from);
            } else {
                return;
            }
        }
    }

    #[inline(always)]
    fn prefetch(&self, address: NonNull<u8>) {
        let at = address.addr().get();
        if self.old_part.contains(at) {
            self.bits.marks.prefetch(self.bits.granule(at));
        }
        prefetch(address.as_ptr().wrapping_sub(HEADER));
    }

    /// Marks one object and traces it if that was new (M2).
    #[inline(always)]
    fn mark(&mut self, address: NonNull<u8>) {
        let at = address.addr().get();
        let new = if self.old_part.contains(at) {
            self.bits.marks.set_new(self.bits.granule(at))
        } else {
            self.runs.run_of(at).mark()
        };
        if !new {
            return;
        }
        self.objects += 1;
        // SAFETY: M1: an old object, whose header is an info.
        let info = unsafe { Header::of(address.as_ptr()).info() };
        if info.shape.leaf {
            return;
        }
        if info.shape.slice {
            return self.trace_piece(address, 0);
        }
        // SAFETY: one value of this type; the world is stopped.
        unsafe { (info.trace.mark)(address.as_ptr(), 1, (&raw mut *self).cast()) };
    }

    /// Traces elements of a slice from `from` on, and lists the rest for later.
    fn trace_piece(&mut self, address: NonNull<u8>, from: usize) {
        // SAFETY: as in `mark`.
        let info = unsafe { Header::of(address.as_ptr()).info() };
        // SAFETY: an object of this type.
        let len = unsafe { info.len(address.as_ptr()) };
        let count = (len - from).min(PIECE);
        if from + count < len {
            self.arrays.push((address, from + count));
        }
        let first = info.first(address.as_ptr()).wrapping_add(from * info.shape.elem_size as usize);
        // SAFETY: `count` elements of the slice; the world is stopped.
        unsafe { (info.trace.mark)(first, count, (&raw mut *self).cast()) };
    }
}

impl sealed::Visitor for Marker<'_> {}

impl Visitor for Marker<'_> {
    const MOVES: bool = false;

    #[inline(always)]
    unsafe fn edge(&mut self, edge: *mut Edge) {
        // SAFETY: the caller passes the place of a pointer.
        // Acquire, as every load of a slot: the object's header was written before.
        let target = unsafe { &*edge }.load(Ordering::Acquire);
        if let Some(address) = NonNull::new(target)
            && (self.old_part.contains(target.addr()) || self.large_part.contains(target.addr()))
        {
            self.stack.push(address);
        } else {
            debug_assert!(target.is_null(), "gc-core: a young object while marking (M1)");
        }
    }

    #[inline(always)]
    unsafe fn cell<T: Trace>(&mut self, _: *mut CellWord, content: *mut T) {
        // SAFETY: the caller's; the world is stopped, so nobody writes the content.
        unsafe { T::trace(content, self) }
    }
}
