//! Copying what survives a young collection.
//!
//! Cheney's idea with explicit stacks (*A nonrecursive list compacting algorithm*, 1970; depth first here, which keeps
//! parents and children together): the places of pointers to from-space wait on a stack; taking one copies the object behind it, or
//! finds its forwarding address, and traces the copy. A short queue in front of the copy hides the latency of the header.
//!
//! Preconditions and results:
//!
//! - **E1** The world is stopped. Every young object is in a chunk of age [`Age::Fresh`] or [`Age::Survivor`], or in a young large run.
//! - **E2** Afterwards every place that was reported holds the new address, and every survivor was traced.
//! - **E3** `remembered` is exactly: every place in an old object, in memory it owns included, that holds a young value, cells
//!   as a whole, with their logged bits set.
//! - **E4** Copying cannot fail: promotion always has memory (the collector sees to it before nursery memory is handed
//!   out), and what finds no to-space is promoted.

use core::{mem, ptr::NonNull};

use crate::{
    barrier::{Remembered, RememberedCell},
    memory::{
        AddressMap, CellWord, Edge, HEADER, Header, HeaderWord, Part, TypeInfo,
        bitmap::prefetch,
        chunks::{Age, YoungSpace},
        copy_object,
        large::RunTable,
        young_start,
    },
    sync::atomic::Ordering,
    trace::{Trace, Visitor, sealed},
};

/// Where objects go that leave the young generation.
pub(crate) trait Promote {
    /// Memory in the old part for an object of `info` that takes `extent` bytes from its header: the address it will have.
    fn promote(&mut self, info: &'static TypeInfo, extent: usize) -> *mut u8;

    /// A large object became old where it is.
    fn promoted_large(&mut self, page: usize);

    /// The description of a cell's content.
    fn content_info<T: Trace>() -> &'static TypeInfo;
}

/// Which survivors are promoted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Everything, whatever its age.
    pub(crate) all: bool,
    /// Testing: every N-th copy finds to-space full. 0: none.
    pub(crate) full_every: u32,
    /// Testing: promote by chance instead of by age, from this seed.
    pub(crate) random: Option<u64>,
    /// Testing: keep young what age would promote.
    pub(crate) never: bool,
}

impl Policy {
    fn is_test(&self) -> bool {
        self.random.is_some() || self.never || self.full_every != 0
    }
}

/// Where a survivor goes.
enum Destination {
    ToSpace,
    Old,
    /// It is in to-space: its place was remembered twice and updated before.
    ThereAlready,
}

/// What `evacuate` found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Copied before, or there is nothing to trace.
    Known,
    /// Copied just now, and to be traced.
    Trace,
    /// See [`Destination::ThereAlready`].
    ThereAlready,
}

/// How the pointers of the value that is being traced are treated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// A root or a young object: nobody needs to remember anything.
    Young,
    /// An old object.
    Old,
    /// The content of a cell in an old object.
    OldCell,
}

/// The state of one young collection, single-threaded.
pub(crate) struct Evacuator<'a, P> {
    young_part: Part,
    watched: Part,
    holders: Part,
    runs: &'a RunTable,
    pub(crate) space: &'a mut YoungSpace,
    pub(crate) promote: P,
    /// Commits a chunk of to-space: (offset in the reservation, bytes).
    grow: &'a dyn Fn(usize, usize) -> bool,
    policy: Policy,
    holder: Holder,
    /// Whether the cell that is being traced holds a young value now.
    cell_is_young: bool,
    /// Places that hold pointers to from-space.
    places: Vec<NonNull<Edge>>,
    /// Survivors that still have to be traced.
    objects: Vec<NonNull<u8>>,
    /// Slices of which a part was traced: address and next element.
    arrays: Vec<(NonNull<u8>, usize)>,
    to: ToSpace,
    pub(crate) remembered: Remembered,
    pub(crate) copied_bytes: usize,
    pub(crate) promoted_bytes: usize,
    pub(crate) promoted_objects: usize,
    copies: u32,
}

/// The chunk that survivors are copied into.
struct ToSpace {
    bump: *mut u8,
    end: usize,
    chunk: Option<u32>,
}

/// Places in flight between the prefetch of their object's header and its copy.
const IN_FLIGHT: usize = 8;
/// How far ahead of the remembered places the prefetch is.
const AHEAD: usize = 16;
/// Elements of a slice that are traced at once.
const PIECE: usize = 1024;

impl<'a, P: Promote> Evacuator<'a, P> {
    pub(crate) fn new(
        map: AddressMap,
        runs: &'a RunTable,
        space: &'a mut YoungSpace,
        promote: P,
        grow: &'a dyn Fn(usize, usize) -> bool,
        policy: Policy,
    ) -> Self {
        Self {
            young_part: map.young,
            watched: map.young_and_large(),
            holders: map.large_and_old(),
            runs,
            space,
            promote,
            grow,
            policy,
            holder: Holder::Young,
            cell_is_young: false,
            places: Vec::new(),
            objects: Vec::new(),
            arrays: Vec::new(),
            to: ToSpace { bump: core::ptr::null_mut(), end: 0, chunk: None },
            remembered: Remembered::default(),
            copied_bytes: 0,
            promoted_bytes: 0,
            promoted_objects: 0,
            copies: 0,
        }
    }

    /// Traces a root: `count` values from `first`.
    ///
    /// # Safety
    ///
    /// They are live values of the type `info`, and E1 holds.
    #[inline]
    pub(crate) unsafe fn root(&mut self, info: &'static TypeInfo, first: *mut u8, count: usize) {
        self.holder = Holder::Young;
        // SAFETY: the caller's; the visitor is of the type that `evacuate` was made for.
        unsafe { (info.trace.evacuate)(first, count, (&raw mut *self).cast()) };
    }

    /// Updates remembered places, and remembers those anew that still hold young values.
    ///
    /// # Safety
    ///
    /// The set is that of the heap (W1, W2 of the barrier), and E1 holds.
    pub(crate) unsafe fn remembered(&mut self, set: Remembered) {
        self.holder = Holder::Old;
        for (index, edge) in set.edges.iter().enumerate() {
            if let Some(later) = set.edges.get(index + AHEAD) {
                prefetch(later.as_ptr().cast());
            }
            // SAFETY: W2: a place of a pointer in an old object.
            unsafe { self.edge(edge.as_ptr()) };
        }
        for cell in set.cells {
            // SAFETY: W2, W3: a logged cell of an old object, whose content is of the type `info`.
            unsafe { self.old_cell(cell) };
        }
    }

    /// Copies and traces everything that is reachable from what was reported.
    pub(crate) fn drain(&mut self) {
        // First in, first out: `waiting` places from `first` on, whose objects are on their way to the cache.
        let mut queue = [NonNull::<Edge>::dangling(); IN_FLIGHT];
        let (mut first, mut waiting) = (0, 0);
        loop {
            while waiting < IN_FLIGHT
                && let Some(place) = self.places.pop()
            {
                // SAFETY: E1: a place that was reported, valid throughout the pause.
                let target = unsafe { place.as_ref() }.load(Ordering::Relaxed);
                prefetch(target.wrapping_sub(HEADER));
                queue[(first + waiting) % IN_FLIGHT] = place;
                waiting += 1;
            }
            if waiting > 0 {
                let due = queue[first];
                first = (first + 1) % IN_FLIGHT;
                waiting -= 1;
                self.update(due);
            } else if let Some(object) = self.objects.pop() {
                self.trace(object.as_ptr());
            } else if let Some((array, from)) = self.arrays.pop() {
                self.trace_piece(array.as_ptr(), from);
            } else {
                return;
            }
        }
    }

    /// Gives a place the new address of the object that it points to.
    #[inline(always)]
    fn update(&mut self, place: NonNull<Edge>) {
        // SAFETY: E1: a place that was reported; nobody else touches it in the pause.
        let edge = unsafe { place.as_ref() };
        // Relaxed: the world is stopped, here and at the store.
        let target = edge.load(Ordering::Relaxed);
        // A place that was remembered twice was updated before.
        if !self.young_part.contains(target.addr()) {
            return;
        }
        // SAFETY: a pointer into the young part is to an object of from-space or to-space.
        let (to, outcome) = unsafe { self.evacuate(target) };
        if outcome == Outcome::ThereAlready {
            return;
        }
        edge.store(to, Ordering::Relaxed);
        if self.holders.contains(place.addr().get()) && self.young_part.contains(to.addr()) {
            self.remembered.edges.push(place);
        }
        if outcome == Outcome::Trace {
            self.trace(to);
        }
    }

    /// The new address of an object of the young part.
    ///
    /// # Safety
    ///
    /// `address` is that of an object in from-space or to-space.
    #[inline(always)]
    unsafe fn evacuate(&mut self, address: *mut u8) -> (*mut u8, Outcome) {
        // SAFETY: an object's address has a header before it.
        let header = unsafe { Header::of(address) };
        // SAFETY: initialised; nobody writes it meanwhile.
        let info = match unsafe { header.read() } {
            HeaderWord::Forwarded(to) => return (to, Outcome::Known),
            HeaderWord::Info(info) => info,
            HeaderWord::Filler(_) => unreachable!("gc-core: a pointer to a filler: the heap is damaged"),
        };
        // SAFETY: an object of this type.
        let extent = unsafe { info.extent(address) };
        let to = match self.destination(address) {
            Destination::ToSpace => self.survivor(info, extent),
            Destination::Old => None,
            Destination::ThereAlready => return (address, Outcome::ThereAlready),
        };
        let to = match to {
            Some(to) => {
                self.copied_bytes += extent;
                to
            }
            None => {
                self.promoted_bytes += extent;
                self.promoted_objects += 1;
                self.promote.promote(info, extent)
            }
        };
        // SAFETY: both ranges run from the header over `extent` bytes; the new one is nobody's.
        unsafe { copy_object(address.sub(HEADER), to.sub(HEADER), extent) };
        // SAFETY: the world is stopped and the object was copied (H2).
        unsafe { header.forward(to) };
        (to, if info.shape.leaf { Outcome::Known } else { Outcome::Trace })
    }

    #[inline(always)]
    fn destination(&mut self, address: *mut u8) -> Destination {
        // With everything promoted there is no to-space that anything could be in already.
        if self.policy.all {
            return Destination::Old;
        }
        match self.space.age_at(address.addr()) {
            Age::Arriving => Destination::ThereAlready,
            age if self.policy.is_test() => self.destination_by_test(age),
            Age::Survivor => Destination::Old,
            _ => Destination::ToSpace,
        }
    }

    #[cold]
    fn destination_by_test(&mut self, age: Age) -> Destination {
        self.copies += 1;
        if self.policy.full_every != 0 && self.copies.is_multiple_of(self.policy.full_every) {
            return Destination::Old;
        }
        let promote = match &mut self.policy.random {
            Some(state) => {
                // SplitMix64 (Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, 2014).
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z >> 62 == 0
            }
            None => !self.policy.never && age == Age::Survivor,
        };
        if promote { Destination::Old } else { Destination::ToSpace }
    }

    /// Memory for a survivor that stays young, if there is some.
    #[inline(always)]
    fn survivor(&mut self, info: &'static TypeInfo, extent: usize) -> Option<*mut u8> {
        if info.shape.align <= 8 {
            let start = self.to.bump;
            if self.to.end.wrapping_sub(start.addr()) >= extent {
                self.to.bump = start.wrapping_add(extent);
                return Some(start.wrapping_add(HEADER));
            }
        }
        self.survivor_slow(info, extent)
    }

    #[cold]
    #[inline(never)]
    fn survivor_slow(&mut self, info: &'static TypeInfo, extent: usize) -> Option<*mut u8> {
        let bytes = info.shape.young_bytes(extent);
        loop {
            if self.to.chunk.is_some() {
                let from = self.to.bump.addr();
                let at = young_start(from, info.shape.align as usize, info.shape.slice);
                if at + bytes <= self.to.end {
                    if at > from {
                        let gap = NonNull::new(self.to.bump).expect("to-space is not at address 0");
                        // SAFETY: free memory of our chunk.
                        unsafe { Header::at(gap).write_filler(at - from) };
                    }
                    let start = self.to.bump.with_addr(at);
                    self.to.bump = start.wrapping_add(bytes);
                    return Some(start.wrapping_add(HEADER));
                }
            }
            self.retire_to_space();
            let grow = self.grow;
            let chunk = self.space.take(Age::Arriving, grow)?;
            let start = self.space.start(chunk);
            self.to = ToSpace { bump: start, end: start.addr() + self.space.chunk_bytes(), chunk: Some(chunk) };
        }
    }

    /// Ends the current chunk of to-space.
    pub(crate) fn retire_to_space(&mut self) {
        if let Some(chunk) = self.to.chunk.take() {
            self.space.set_top(chunk, self.to.bump.addr());
        }
        self.to = ToSpace { bump: core::ptr::null_mut(), end: 0, chunk: None };
    }

    /// Traces a survivor at its new place.
    #[inline(always)]
    fn trace(&mut self, address: *mut u8) {
        // SAFETY: a survivor has a header, an info again at its new place.
        let info = unsafe { Header::of(address).info() };
        self.holder = if self.young_part.contains(address.addr()) { Holder::Young } else { Holder::Old };
        if info.shape.slice {
            return self.trace_piece(address, 0);
        }
        // SAFETY: one value of this type, copied whole, which nobody else touches.
        unsafe { (info.trace.evacuate)(address, 1, (&raw mut *self).cast()) };
    }

    /// Traces elements of a slice from `from` on, and lists the rest for later.
    fn trace_piece(&mut self, address: *mut u8, from: usize) {
        // SAFETY: as in `trace`.
        let info = unsafe { Header::of(address).info() };
        // SAFETY: an object of this type.
        let len = unsafe { info.len(address) };
        self.holder = if self.young_part.contains(address.addr()) { Holder::Young } else { Holder::Old };
        let count = (len - from).min(PIECE);
        if from + count < len {
            let array = NonNull::new(address).expect("no object is at address 0");
            self.arrays.push((array, from + count));
        }
        let first = info.first(address).wrapping_add(from * info.shape.elem_size as usize);
        // SAFETY: `count` elements of the slice, as in `trace`.
        unsafe { (info.trace.evacuate)(first, count, (&raw mut *self).cast()) };
    }

    /// A young large object was reached: it becomes old where it is, and is traced.
    #[cold]
    #[inline(never)]
    fn reach_large(&mut self, address: *mut u8) {
        let page = self.runs.page_of(address.addr());
        if self.runs.run(page).make_old() {
            self.promote.promoted_large(page);
            // SAFETY: a live large object has a header with its info.
            let info = unsafe { Header::of(address).info() };
            if !info.shape.leaf {
                self.objects.push(NonNull::new(address).expect("no object is at address 0"));
            }
        }
    }

    /// Traces the content of a cell of an old object, and remembers the cell if that holds a young value now.
    ///
    /// # Safety
    ///
    /// A cell of an old object, with the type of its content.
    unsafe fn old_cell(&mut self, cell: RememberedCell) {
        let outer = mem::replace(&mut self.holder, Holder::OldCell);
        self.cell_is_young = false;
        // SAFETY: the caller's: one value of this type; the world is stopped, so no guard to it exists.
        unsafe { (cell.info.trace.evacuate)(cell.content(), 1, (&raw mut *self).cast()) };
        // SAFETY: the caller's: the cell's word.
        unsafe { cell.word.as_ref() }.set_logged(self.cell_is_young);
        if self.cell_is_young {
            self.remembered.cells.push(cell);
        }
        self.holder = outer;
    }
}

impl<P> sealed::Visitor for Evacuator<'_, P> {}

impl<P: Promote> Visitor for Evacuator<'_, P> {
    const MOVES: bool = true;

    #[inline(always)]
    unsafe fn edge(&mut self, edge: *mut Edge) {
        // SAFETY: the caller passes the place of a pointer, valid throughout the pause.
        let place = unsafe { NonNull::new_unchecked(edge) };
        // SAFETY: as above.
        // Relaxed: the world is stopped.
        let target = unsafe { place.as_ref() }.load(Ordering::Relaxed);
        if !self.young_part.contains(target.addr()) {
            if self.watched.contains(target.addr()) {
                self.reach_large(target);
            }
            return;
        }
        if self.holder == Holder::Young || (self.holder == Holder::Old && self.holders.contains(edge.addr())) {
            self.places.push(place);
        } else {
            self.edge_now(place);
        }
    }

    #[inline]
    unsafe fn cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T) {
        if self.holder == Holder::Old {
            // SAFETY: the caller passes the word and the content of one cell, in the old object that is being traced.
            unsafe {
                let word = NonNull::new_unchecked(word);
                self.old_cell(RememberedCell { word, info: P::content_info::<T>() });
            }
        } else {
            // SAFETY: the caller's; the world is stopped.
            unsafe { T::trace(content, self) }
        }
    }
}

impl<P: Promote> Evacuator<'_, P> {
    /// Updates a place in memory that an old object owns, or in an old cell, where the place does not tell later whose it is.
    #[inline(never)]
    fn edge_now(&mut self, place: NonNull<Edge>) {
        // SAFETY: as in `update`.
        let edge = unsafe { place.as_ref() };
        // Relaxed: the world is stopped, here and at the store.
        let target = edge.load(Ordering::Relaxed);
        // SAFETY: the caller has seen that it points into the young part.
        let (to, outcome) = unsafe { self.evacuate(target) };
        if outcome == Outcome::ThereAlready {
            return;
        }
        edge.store(to, Ordering::Relaxed);
        if outcome == Outcome::Trace {
            self.objects.push(NonNull::new(to).expect("no object is at address 0"));
        }
        if self.young_part.contains(to.addr()) {
            match self.holder {
                Holder::OldCell => self.cell_is_young = true,
                _ => self.remembered.edges.push(place),
            }
        }
    }
}
