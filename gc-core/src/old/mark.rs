//! Marking the old generation, concurrently or with the world stopped.
//!
//! A stack of addresses, and a first-in-first-out queue in front of the mark bits. An address that
//! leaves the stack is prefetched, and waits in the queue until its mark word and header have
//! arrived (Cher, Hosking, Vitek: *Software prefetching for mark-sweep garbage collection*, 2004).
//!
//! - **[mark.snapshot]** Marking begins with nothing young, from the pointers of the roots: the
//!   snapshot. Values that mutators overwrite arrive in the SATB buffers ([barrier.snapshot]).
//!   Objects that become old during marking are marked when they are promoted.
//! - **[mark.one-tracer]** An object is traced by the thread that sets its mark, or by the thread
//!   that takes it from an SATB buffer ([satb.marked-by-pusher]). The model is
//!   `models/protocols/mark.rs`.
//! - **[mark.reads]** A concurrent marker reads immutable fields and memory that objects own, which
//!   no thread changes. It reads slots by atomic loads, and cells under their lock. It only *tries*
//!   the lock: a cell that is being written is deferred to the next pause that marks, in which no
//!   thread has its lock. By then the writer has pushed what the cell held when marking began.
//!   Young values are skipped.
//! - **[mark.pieces]** What is traced without a look at the poll, and under one hold of a cell's
//!   lock, is a piece of a slice or of a big value ([pieces.bounded]). The rest waits in the state
//!   (`rests`). No safepoint is reached with the lock of a cell.
//! - **[mark.recorded]** A pointer into an evacuation candidate is recorded by its place, or by its
//!   cell, in the same visit that reads it ([candidates.recorded]). Roots are read before there are
//!   candidates.
//! - **[mark.state]** The state of marking is under a lock. The concurrent thread holds it while it
//!   marks, the leader of a pause otherwise.

use core::ptr::NonNull;

use crate::{
    barrier::{BigCells, SatbQueue},
    memory::{Part, bitmap::prefetch},
    object::{
        CellUser, CellWord, EphemeronPair, Flag, HEADER, Header, HeaderWord, PairList, PairRef, PointerSlot, TypeInfo,
    },
    safepoint::Poll,
    space::{
        candidates::{Candidates, Recorded, RecordedCell},
        large::RunTable,
        old::Bits,
    },
    sync::{atomic::Ordering, mutant},
    trace::{
        Trace, Visitor,
        pieces::{self, InPieces, Pieces},
        sealed,
    },
    workers::{PIECE, Packet, SliceRange, WorkerPool},
};

use super::{update::update_content, waiting::Waiting};

mod ephemerons;
mod rests;

pub(crate) use rests::Rest;

/// The work that marking still has to do ([mark.state]).
#[derive(Default)]
pub(crate) struct Marking {
    work: Packet,
    /// Marked objects that were not traced: from SATB buffers.
    marked: Vec<NonNull<u8>>,
    /// Objects that big cells held ([satb.found]).
    found: Vec<Vec<NonNull<u8>>>,
    /// What is left of values that are traced in pieces ([mark.pieces]).
    rests: Vec<Rest>,
    /// Cells that were being written ([mark.reads]), and rests of such.
    deferred_cells: Vec<DeferredCell>,
    deferred_rests: Vec<Rest>,
    /// Pairs whose keys are marked ([mark.kept]).
    kept: Vec<PairList>,
    /// Places that hold pointers into candidates ([mark.recorded]).
    pub(crate) recorded: Recorded,
    /// Objects marked and traced since marking began.
    pub(crate) objects: u64,
    /// How often a pair was looked at since marking began.
    pub(crate) ephemeron_looks: u64,
}

// SAFETY: these are addresses of old objects; the code that has the state is responsible for their use.
unsafe impl Send for Marking {}

/// A cell that is traced in the next pause that marks.
struct DeferredCell {
    word: NonNull<CellWord>,
    content: NonNull<u8>,
    trace: unsafe fn(NonNull<CellWord>, NonNull<u8>, &mut Marker<'_>),
}

/// How the marker reads cells.
#[derive(Clone, Copy)]
pub(crate) enum Cells {
    /// The world is stopped: no thread has their locks.
    Stopped,
    /// Under their locks, as this user.
    Locked(CellUser),
}

/// Why [`Marker::run`] returned.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Marked {
    /// Nothing is left to do.
    All,
    /// More is left to do: the poll was raised, or the budget is used up.
    MoreLeft,
}

/// Marks and traces, for one increment.
pub(crate) struct Marker<'a> {
    bits: &'a Bits,
    runs: &'a RunTable,
    old_part: Part,
    large_part: Part,
    candidates: &'a Candidates,
    /// A range with all candidates in it.
    sparse: Part,
    content: Content,
    cells: Cells,
    big_cells: &'a BigCells,
    waiting: &'a Waiting,
    pieces: Pieces,
    /// The most elements of a value that are traced at once.
    most: usize,
    /// The pool, if other threads mark at the same time.
    pool: Option<&'a WorkerPool>,
    state: &'a mut Marking,
}

/// Whether the content of a cell is being traced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// It is not.
    None,
    /// It is, and so many pointers of it are counted for candidates.
    Counted(u64),
    /// It is, and it holds so much that the candidates which it points into leave the set.
    Leaves,
}

/// Objects in flight between the prefetch and the mark.
const IN_FLIGHT: usize = 32;
/// Objects between two looks at the poll.
const LOOK_EVERY: u64 = 64;

impl<'a> Marker<'a> {
    pub(crate) fn new(
        bits: &'a Bits,
        runs: &'a RunTable,
        candidates: &'a Candidates,
        big_cells: &'a BigCells,
        waiting: &'a Waiting,
        cells: Cells,
        state: &'a mut Marking,
    ) -> Self {
        let (old_part, large_part) = (bits.map().old, bits.map().large);
        Self {
            bits,
            runs,
            old_part,
            large_part,
            candidates,
            sparse: candidates.range(),
            content: Content::None,
            cells,
            big_cells,
            waiting,
            pieces: Pieces::none(),
            most: PIECE,
            pool: None,
            state,
        }
    }

    /// Shares work with other threads that mark at the same time, concurrently with the mutators.
    pub(crate) fn among(self, pool: &'a WorkerPool) -> Self {
        debug_assert!(matches!(self.cells, Cells::Locked(_)), "marks are set by one thread in a pause");
        Self { pool: Some(pool), ..self }
    }

    /// Marks from a root: `count` values from `first` on.
    ///
    /// # Safety
    ///
    /// They are live values of the type `info`, the world is stopped, and [mark.snapshot] holds.
    /// There are no candidates.
    pub(crate) unsafe fn root(&mut self, info: &'static TypeInfo, first: *mut u8, count: usize) {
        debug_assert_eq!(self.sparse.bytes, 0, "a root's value is not recorded");
        // At once: the root may be gone when a second piece was to be traced.
        self.most = usize::MAX;
        // SAFETY: the caller's; the visitor is of the type that `mark` was made for.
        unsafe { (info.trace.mark)(first, count, (&raw mut *self).cast()) };
        self.most = PIECE;
    }

    /// Traces the deferred cells, of each one piece. The world is stopped.
    pub(crate) fn deferred_cells(&mut self) {
        for cell in core::mem::take(&mut self.state.deferred_cells) {
            // SAFETY: a cell of an old object, with the function of its type; no old object was freed since ([mark.snapshot]).
            unsafe { (cell.trace)(cell.word, cell.content, self) };
        }
        self.state.rests.append(&mut self.state.deferred_rests);
    }

    /// Marks everything that is reachable from the objects and values passed so far. Stops when
    /// `poll` is raised, or after about `budget` objects.
    pub(crate) fn run(&mut self, poll: Option<&Poll>, budget: u64) -> Marked {
        // First in, first out: `waiting` objects from `first` on, whose memory is on its way to the cache.
        let mut queue = [NonNull::<u8>::dangling(); IN_FLIGHT];
        let (mut first, mut waiting) = (0, 0);
        let mut turns: u64 = 0;
        loop {
            turns += 1;
            if turns.is_multiple_of(LOOK_EVERY) {
                if poll.is_some_and(Poll::is_raised) || turns >= budget {
                    self.state.work.objects.extend((0..waiting).map(|nth| queue[(first + nth) % IN_FLIGHT]));
                    return Marked::MoreLeft;
                }
                if let Some(pool) = self.pool.filter(|pool| pool.is_starving())
                    && let Some(half) = self.state.work.split()
                {
                    pool.share(half);
                }
            }
            while waiting < IN_FLIGHT
                && let Some(address) = self.state.work.objects.pop()
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
            } else if let Some(object) = self.state.marked.pop() {
                self.trace(object);
            } else if let Some(found) = self.state.found.pop() {
                self.state.work.objects.extend(found);
            } else if let Some(pairs) = self.state.kept.pop() {
                if self.keep_some(pairs) {
                    // The next turn looks at the poll.
                    turns |= LOOK_EVERY - 1;
                }
            } else if let Some(piece) = self.state.work.next_piece() {
                self.trace_piece(piece);
            } else if let Some(rest) = self.state.rests.pop() {
                self.trace_rest(rest);
                // The next turn looks at the poll.
                turns |= LOOK_EVERY - 1;
            } else {
                return Marked::All;
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

    /// Marks one object, and traces it if it was not marked ([mark.one-tracer]).
    #[inline(always)]
    fn mark(&mut self, address: NonNull<u8>) {
        let at = address.addr().get();
        let new = if self.old_part.contains(at) {
            let granule = self.bits.granule(at);
            match self.cells {
                Cells::Stopped => self.bits.marks.set_new(granule),
                Cells::Locked(_) => self.bits.marks.set_shared(granule),
            }
        } else {
            self.runs.run_of(at).mark()
        };
        if new {
            self.trace(address);
        }
    }

    /// Traces a marked object.
    #[inline(always)]
    fn trace(&mut self, address: NonNull<u8>) {
        self.state.objects += 1;
        // SAFETY: an old object, which has a header.
        let word = unsafe { Header::of(address.as_ptr()).raw() };
        if Flag::Key.is_in(word) {
            self.key_is_marked(address);
        }
        // SAFETY: the header points to the object's `TypeInfo`.
        let info = unsafe { HeaderWord::info_of(word) };
        if info.shape.leaf {
            return;
        }
        if info.shape.slice {
            // SAFETY: an object of this type.
            let until = unsafe { info.len(address.as_ptr()) };
            if until > PIECE {
                self.state.work.slices.push(SliceRange { slice: address, from: PIECE, until });
            }
            return self.trace_piece(SliceRange { slice: address, from: 0, until: until.min(PIECE) });
        }
        self.pieces.begin_quick(self.most);
        // SAFETY: one value of this type, read as [mark.reads] says.
        unsafe { (info.trace.mark)(address.as_ptr(), 1, (&raw mut *self).cast()) };
        if self.pieces.has_ended() {
            self.big_object(address, info);
        }
    }

    fn trace_piece(&mut self, piece: SliceRange) {
        let address = piece.slice.as_ptr();
        // SAFETY: as in `trace`.
        let info = unsafe { Header::of(address).info() };
        let first = info.first(address).wrapping_add(piece.from * info.shape.elem_size as usize);
        // The elements are counted already. What they own is traced with them.
        self.pieces.begin_quick(usize::MAX);
        // SAFETY: elements of the slice, as in `trace`.
        unsafe { (info.trace.mark)(first, piece.until - piece.from, (&raw mut *self).cast()) };
    }

    /// Returns whether an address is that of an old object.
    #[inline(always)]
    fn is_old(&self, at: usize) -> bool {
        self.old_part.contains(at) || (self.large_part.contains(at) && self.runs.run_of(at).is_old())
    }

    /// Records the place of a pointer to the object at `target`, if that is in a candidate
    /// ([mark.recorded]).
    #[cold]
    #[inline(never)]
    fn record(&mut self, place: NonNull<PointerSlot>, target: usize) {
        match &mut self.content {
            Content::Leaves => self.candidates.leave(target),
            Content::Counted(places) => *places += u64::from(self.candidates.count(target)),
            // The quick visit of a big object has recorded it: once, not for each piece.
            Content::None if self.pieces.is_inline_again() => {}
            Content::None if self.candidates.count(target) => self.state.recorded.pointer_slots.push(place),
            Content::None => {}
        }
    }

    /// Traces the content of a cell, and records the cell if it holds pointers into candidates. A
    /// big one is traced by its rest ([mark.pieces]).
    ///
    /// # Safety
    ///
    /// The content of a cell of an old object, which no thread writes meanwhile.
    #[inline(always)]
    unsafe fn trace_cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T) {
        let outer = self.pieces.begin_inner(self.most);
        let before = self.state.work.objects.len();
        if self.sparse.bytes != 0 {
            self.content = Content::Counted(0);
        }
        // SAFETY: the caller's.
        unsafe { T::trace(content, self) };
        if self.pieces.end_inner(outer) {
            self.big_cell::<T>(word, content);
        } else if !matches!(self.content, Content::None | Content::Counted(0)) {
            let visited = self.state.work.objects.len() - before;
            // SAFETY: the caller's.
            unsafe { self.record_cell(content, visited) };
        }
        self.content = Content::None;
    }

    /// Records a cell that holds pointers into candidates, and `visited` pointers in all. If
    /// visiting it again would take too long, these candidates leave the set.
    ///
    /// # Safety
    ///
    /// As for [`trace_cell`](Self::trace_cell).
    #[cold]
    #[inline(never)]
    unsafe fn record_cell<T: Trace>(&mut self, content: *mut T, visited: usize) {
        if self.candidates.spend(visited as u64 / CELL_POINTERS) {
            if mutant::CELLS_ARE_NOT_RECORDED.is_planted() {
                return;
            }
            self.state.recorded.cells.push(RecordedCell { content: content_of(content), update: update_content::<T> });
            return;
        }
        let before = self.state.work.objects.len();
        self.content = Content::Leaves;
        let outer = self.pieces.begin_inner(usize::MAX);
        // SAFETY: the caller's.
        unsafe { T::trace(content, self) };
        self.pieces.end_inner(outer);
        self.state.work.objects.truncate(before);
    }
}

/// Pointers of a cell, one after the other in memory, that cost as much to visit as one recorded
/// place.
const CELL_POINTERS: u64 = 16;

impl Marking {
    /// Returns whether nothing is left to do concurrently.
    pub(crate) fn is_done(&self) -> bool {
        self.work.is_empty()
            && self.marked.is_empty()
            && self.found.is_empty()
            && self.rests.is_empty()
            && self.kept.is_empty()
    }

    /// Takes over what mutators have handed over.
    pub(crate) fn take_from(&mut self, satb: &SatbQueue) {
        satb.take(&mut self.marked, &mut self.found);
    }

    /// Adds objects that nothing leads to, and that are to be marked all the same: they are
    /// finalized.
    pub(crate) fn resurrect(&mut self, objects: impl Iterator<Item = NonNull<u8>>) {
        self.work.objects.extend(objects);
    }

    /// Takes over a packet that another thread shared.
    pub(crate) fn take_over(&mut self, packet: Packet) {
        self.work.append(packet);
    }

    /// Takes over what another thread's marking has left.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.work.append(other.work);
        self.marked.append(&mut other.marked);
        self.found.append(&mut other.found);
        self.rests.append(&mut other.rests);
        self.deferred_cells.append(&mut other.deferred_cells);
        self.deferred_rests.append(&mut other.deferred_rests);
        self.recorded.append(other.recorded);
        self.kept.append(&mut other.kept);
        self.objects += other.objects;
        self.ephemeron_looks += other.ephemeron_looks;
    }

    /// Forgets everything: marking has ended, or was given up.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Frees the memory of the work that was done: many roots were much work.
    pub(crate) fn free_work(&mut self) {
        debug_assert!(self.is_done());
        (self.work, self.marked) = (Packet::default(), Vec::new());
        (self.found, self.rests, self.kept) = (Vec::new(), Vec::new(), Vec::new());
    }
}

/// Traces a cell.
///
/// # Safety
///
/// `content` is the content of a cell of an old object, a `T` that no thread writes meanwhile, and
/// `word` is its word.
unsafe fn trace_deferred<T: Trace>(word: NonNull<CellWord>, content: NonNull<u8>, marker: &mut Marker<'_>) {
    // SAFETY: the caller's: a `T` that no thread writes.
    unsafe { marker.trace_cell(word.as_ptr(), content.as_ptr().cast::<T>()) }
}

impl sealed::Visitor for Marker<'_> {}

impl InPieces for Marker<'_> {
    #[inline(always)]
    fn pieces(&mut self) -> &mut Pieces {
        &mut self.pieces
    }
}

impl Visitor for Marker<'_> {
    const MOVES: bool = false;

    #[inline(always)]
    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot) {
        // SAFETY: the caller passes a valid pointer slot.
        // Acquire, as every load of a slot: the object's header was written before.
        let target = unsafe { &*pointer_slot }.load(Ordering::Acquire);
        let at = target.addr();
        if self.is_old(at)
            && let Some(address) = NonNull::new(target)
        {
            self.state.work.objects.push(address);
            if self.sparse.contains(at) {
                // SAFETY: the caller passes a valid pointer slot.
                self.record(unsafe { NonNull::new_unchecked(pointer_slot) }, at);
            }
        }
    }

    #[inline]
    unsafe fn ephemeron(&mut self, pair: *mut EphemeronPair) {
        // SAFETY: the caller passes a pair, an old object: nothing is freed or moved before marking has ended.
        self.pair(unsafe { PairRef::new(pair) });
    }

    #[inline(always)]
    unsafe fn cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T) {
        if self.pieces.by_position() {
            // A cell lies inline, so the quick visit of its object has traced it.
            return;
        }
        if let Cells::Locked(user) = self.cells {
            // SAFETY: the caller passes the word of a cell.
            let lock = unsafe { &*word };
            if lock.try_read(user).is_err() {
                let (word, content) = (NonNull::from(lock), content_of(content));
                self.state.deferred_cells.push(DeferredCell { word, content, trace: trace_deferred::<T> });
                return;
            }
            // SAFETY: the caller's; the lock keeps writers out.
            unsafe { self.trace_cell(word, content) }
            lock.end_read(false);
        } else {
            // SAFETY: the caller's; the world is stopped, so no thread writes the content.
            unsafe { self.trace_cell(word, content) }
        }
    }

    #[inline(always)]
    fn elements(&mut self, len: usize, element: impl FnMut(&mut Self, usize)) {
        pieces::elements(self, len, element);
    }

    #[inline(always)]
    fn whole(&mut self, visit: impl FnMut(&mut Self)) {
        pieces::whole(self, visit);
    }
}

/// Returns the address of a cell's content.
fn content_of<T>(content: *mut T) -> NonNull<u8> {
    NonNull::new(content.cast()).expect("a cell is not at address 0")
}
