//! What the heap can still give below its hard limit, and when it is too little to go on as usual.
//!
//! *Room* is the number of bytes that the program can allocate before the heap is full, if
//! everything survives and is of the same mix of size classes as the last nurseries were
//! ([census.bound]). *Available* are the bytes that are not taken, or can be given back at once:
//! they hold large objects.
//!
//! | the heap is | when | then |
//! |---|---|---|
//! | near its limit | the usual nurseries, and blocks for whatever they hold, are more than available | young objects are counted by class; regions are small, windows; blocks with few free cells are listed; the nursery shrinks |
//! | short | room is less than a smallest nursery | a pause collects the whole heap before it ends, unless the last major cycle found no more |
//! | nearly full | a major cycle has ended with less room than [`margin`](Headroom::margin) | the next pause compacts the heap, if that makes room; `try_` allocations are refused early |
//!
//! - **[headroom.promise]** A refused allocation promises a major cycle, except in a heap that is
//!   nearly full and whose last promised cycles, with their compactions, made little room: then
//!   only every n-th refusal does. `n` grows by half with each promised cycle that ends with less
//!   than one and a half margins, to 16 at most, and is halved by one that ends with three. So a
//!   program that releases much gets its memory at the next safepoint, and a program that releases
//!   a little at a time pays for few cycles. All of it depends on counts, not on time.
//!
//! Any thread reads these figures. The leader of a pause and the thread that ends a major cycle
//! write them. None guards other memory, so all accesses are Relaxed, and a stale value only delays
//! a collection or a refusal.

use core::time::Duration;

use crate::{
    memory::{BLOCK, PAGE, budget::Budget},
    object::size_class::{PROMOTION_DEN, PROMOTION_NUM},
    space::{census::Census, large::LargeSpace, old::OldSpace, young::MIN_REGION},
    sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
};

/// The bytes of a region near the limit.
pub(crate) const WINDOW: usize = 64 << 10;
/// The fewest bytes that are allocated between two minor collections, except where the settings say
/// less.
const SMALLEST_NURSERY: usize = 256 << 10;
/// The longest wait for destructors, in milliseconds: the system has run every thread by then that
/// it runs at all.
const LONGEST_WAIT: u32 = 128;
/// The most refusals for which one major cycle is promised.
const MOST_REFUSALS: usize = 16;

/// What is left at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes for large objects, beside a smallest nursery.
    pub(crate) available: usize,
    /// Bytes for small objects of the usual mix.
    pub(crate) small: usize,
}

/// The figures of a heap.
pub(crate) struct Headroom {
    /// Bytes of the old generation that were live after the last major cycle.
    live: AtomicUsize,
    /// Bytes of empty chunks that are charged.
    young_bytes: AtomicUsize,
    /// Bytes of young objects after the last pause.
    survivors: AtomicUsize,
    /// Bytes of chunks in a smallest nursery: one for each mutator, and one more.
    smallest: AtomicUsize,
    /// Bytes of windows that mutators may have in hand when the young budget is used up.
    windows: AtomicUsize,
    /// Bytes of the largest object for which a run was taken since the last major cycle, and during
    /// it.
    largest_run: AtomicUsize,
    largest_run_before: AtomicUsize,
    /// What the last major cycle, or pause, found.
    available: AtomicUsize,
    small: AtomicUsize,
    nearly_full: AtomicBool,
    /// Whether a setting has changed that the next pause fits the heap to.
    changed: AtomicBool,
    /// Whether the last major cycle has found no room for a smallest nursery.
    full: AtomicBool,
    /// Whether the heap is nearly full, and would not be if what is left lay together.
    compact: AtomicBool,
    /// Bytes allocated since the last major cycle, up to the last pause.
    allocated: AtomicUsize,
    /// Refusals since the last major cycle.
    refusals: AtomicUsize,
    /// One in so many refusals promises a cycle ([headroom.promise]).
    refusals_for_one: AtomicUsize,
    /// Whether a cycle was promised since the last one ended, and whether a large object was
    /// refused.
    promised: AtomicBool,
    large_refused: AtomicBool,
    /// The time for which a mutator waits for destructors, in milliseconds ([limit.drops]).
    drops_timeout: AtomicU32,
}

// Relaxed, in all of this file: see the module's documentation.
impl Headroom {
    pub(crate) fn new() -> Self {
        Self {
            live: AtomicUsize::new(0),
            young_bytes: AtomicUsize::new(0),
            survivors: AtomicUsize::new(0),
            smallest: AtomicUsize::new(SMALLEST_NURSERY),
            windows: AtomicUsize::new(WINDOW),
            largest_run: AtomicUsize::new(0),
            largest_run_before: AtomicUsize::new(0),
            available: AtomicUsize::new(usize::MAX),
            small: AtomicUsize::new(usize::MAX),
            nearly_full: AtomicBool::new(false),
            changed: AtomicBool::new(false),
            full: AtomicBool::new(false),
            compact: AtomicBool::new(false),
            allocated: AtomicUsize::new(0),
            refusals: AtomicUsize::new(0),
            refusals_for_one: AtomicUsize::new(1),
            promised: AtomicBool::new(false),
            large_refused: AtomicBool::new(false),
            drops_timeout: AtomicU32::new(LONGEST_WAIT),
        }
    }

    /// Records the empty chunks that are charged, the bytes that survived, and what a smallest
    /// nursery takes with this many mutators.
    pub(crate) fn note_young(&self, young_bytes: usize, survivors: usize, mutators: usize, chunk_bytes: usize) {
        self.young_bytes.store(young_bytes, Ordering::Relaxed);
        self.survivors.store(survivors, Ordering::Relaxed);
        self.smallest.store((mutators + 1).saturating_mul(chunk_bytes), Ordering::Relaxed);
        self.windows.store(mutators.max(1).saturating_mul((WINDOW + MIN_REGION).min(chunk_bytes)), Ordering::Relaxed);
    }

    /// Returns the least young budget, where `usual` is the one of the settings.
    pub(crate) fn smallest_budget(usual: usize) -> usize {
        usual.min(SMALLEST_NURSERY)
    }

    /// Measures what is left. `None` if there is no hard limit: then what was left below an earlier
    /// one is forgotten.
    pub(crate) fn measure(&self, budget: &Budget, old: &OldSpace, large: &LargeSpace, mix: &Census) -> Option<Room> {
        if budget.limit() == usize::MAX {
            self.note(Room { available: usize::MAX, small: usize::MAX });
            return None;
        }
        // What is on its way back will be room before a thread could wait for it.
        let empty = old.charged_empty() * BLOCK + large.charged_free() + self.young_bytes.load(Ordering::Relaxed);
        let unused = budget.limit().saturating_add(empty).saturating_sub(budget.used()).saturating_sub(budget.slack());
        // The chunks and windows of a smallest nursery, and a block of each class that has no free cells for a window.
        let blocks = Census::default().blocks(old.free_cells(), self.windows.load(Ordering::Relaxed));
        let fixed = self.smallest.load(Ordering::Relaxed).saturating_add(blocks * BLOCK);
        let available = unused.saturating_sub(fixed);
        let survivors = self.survivors.load(Ordering::Relaxed);
        let promoted = |bytes: usize| {
            let blocks = mix.block_bytes(old.free_cells(), bytes.saturating_add(survivors));
            blocks.unwrap_or(bytes.saturating_add(survivors) / PROMOTION_DEN * PROMOTION_NUM)
        };
        let fits = |bytes: usize| promoted(bytes) <= available;
        let (mut least, mut most) = (0, budget.limit());
        while most - least > PAGE {
            let middle = least + (most - least) / 2;
            if fits(middle) { least = middle } else { most = middle }
        }
        let short = unused < fixed;
        let available = available.saturating_sub(promoted(0));
        Some(Room { available, small: if short { 0 } else { least } })
    }

    /// Returns the room below which the heap is nearly full.
    pub(crate) fn margin(limit: usize) -> usize {
        (limit / 16).max(SMALLEST_NURSERY.min(limit / 4))
    }

    /// Records that a setting has changed, and there may be too little room for it.
    pub(crate) fn note_change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Returns whether a collection is due that fits the heap to a changed setting.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Records that a pause fits the heap to its settings.
    pub(crate) fn begin_fit(&self) {
        self.changed.store(false, Ordering::Relaxed);
    }

    /// Records the room at the end of a pause.
    pub(crate) fn note(&self, room: Room) {
        self.available.store(room.available, Ordering::Relaxed);
        self.small.store(room.small, Ordering::Relaxed);
    }

    /// Records the room at the end of a major cycle, during which the old generation grew by
    /// `grown` bytes: the cycle has left these too, and has not looked for garbage among them. If
    /// the heap is nearly full, and a compaction `makes_room`, one is due, and what it leaves will
    /// be recorded instead. Returns the room if it is less than an eighth of the limit.
    pub(crate) fn major_ended(
        &self,
        room: Option<Room>,
        limit: usize,
        grown: usize,
        is_promised: bool,
        makes_room: impl FnOnce() -> bool,
    ) -> Option<usize> {
        let margin = Self::margin(limit);
        let large_refused = self.large_refused.swap(false, Ordering::Relaxed);
        let left =
            room.map_or(usize::MAX, |room| if large_refused { room.small.min(room.available) } else { room.small });
        let left = left.saturating_add(grown);
        self.allocated.store(0, Ordering::Relaxed);
        self.largest_run_before.store(self.largest_run.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        if let Some(room) = room {
            self.note(room);
        }
        let compact = left < margin && makes_room();
        self.compact.store(compact, Ordering::Relaxed);
        if !compact {
            self.found(left, margin, is_promised);
        }
        (left < margin.saturating_mul(2)).then_some(left)
    }

    /// Returns the bytes that the last pause or major cycle has found to be left. `usize::MAX`:
    /// there is no hard limit.
    pub(crate) fn available(&self) -> usize {
        self.available.load(Ordering::Relaxed)
    }

    /// Records that an object got a run of so many bytes.
    pub(crate) fn note_run(&self, bytes: usize) {
        self.largest_run.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Returns the bytes of the largest object for which a run was taken lately: one of that size
    /// may be next.
    pub(crate) fn largest_run(&self) -> usize {
        self.largest_run.load(Ordering::Relaxed).max(self.largest_run_before.load(Ordering::Relaxed))
    }

    /// Returns whether less is left than a smallest nursery takes, or than a large object of so
    /// many bytes.
    pub(crate) fn is_short(&self, room: Room, budget: usize, large: usize) -> bool {
        let windows = self.windows.load(Ordering::Relaxed);
        room.small < Self::smallest_budget(budget) + windows || room.available < large
    }

    /// Returns whether the last pause has found less room than a quarter of the limit, so that what
    /// waits to be dropped matters.
    pub(crate) fn is_low(&self, limit: usize) -> bool {
        let left = self.available.load(Ordering::Relaxed).min(self.small.load(Ordering::Relaxed));
        limit != usize::MAX && left < (limit / 4).saturating_add(self.largest_run())
    }

    /// Returns for how long a mutator waits for destructors ([limit.drops]).
    pub(crate) fn drops_timeout(&self) -> Duration {
        Duration::from_millis(self.drops_timeout.load(Ordering::Relaxed).into())
    }

    /// Records how many bytes destructors have released while a mutator waited. The wait was in
    /// vain if that would not be the margin in the time of a quarter of the longest one. One in
    /// vain counts as much as two that were of use.
    pub(crate) fn count_wait(&self, released: usize, waited: Duration, limit: usize) {
        let worth = Self::margin(limit) as u128 * waited.as_millis().max(1) / u128::from(LONGEST_WAIT / 4);
        let was_of_use = released as u128 >= worth.max(1);
        let before = self.drops_timeout.load(Ordering::Relaxed);
        let after = if was_of_use { (before * 2).min(LONGEST_WAIT) } else { (before / 4).max(1) };
        self.drops_timeout.store(after, Ordering::Relaxed);
    }

    /// Returns whether there is so little memory that survivors had better not stay young, in
    /// chunks of their own.
    pub(crate) fn is_tight(&self) -> bool {
        self.available.load(Ordering::Relaxed) < self.smallest.load(Ordering::Relaxed)
    }

    /// Returns whether a major cycle would find about what the last one has found: no room for a
    /// smallest nursery, and little was allocated since.
    pub(crate) fn is_still_full(&self) -> bool {
        self.full.load(Ordering::Relaxed) && self.allocated.load(Ordering::Relaxed) < SMALLEST_NURSERY / 2
    }

    /// Records the bytes that a major cycle has found live.
    pub(crate) fn note_live(&self, bytes: usize) {
        self.live.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Counts what was allocated between two pauses.
    pub(crate) fn count_allocated(&self, bytes: usize) {
        self.allocated.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns whether the heap is nearly full. It is not if a compaction is due, which will make
    /// room.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.nearly_full.load(Ordering::Relaxed) && !self.wants_compaction()
    }

    /// Records the room that a compaction has left. Before this, what the cycle before it has left
    /// counted.
    pub(crate) fn compacted(&self, room: Option<Room>, limit: usize, is_promised: bool) {
        self.compact.store(false, Ordering::Relaxed);
        self.found(room.map_or(usize::MAX, |room| room.small), Self::margin(limit), is_promised);
    }

    /// Records the bytes that a major cycle, or the compaction after it, has left, and whether that
    /// was worth a cycle to a program that was refused memory. `is_promised`: that program's cycle
    /// has not begun yet.
    fn found(&self, left: usize, margin: usize, is_promised: bool) {
        self.nearly_full.store(left < margin, Ordering::Relaxed);
        self.full.store(left < SMALLEST_NURSERY.min(margin), Ordering::Relaxed);
        self.refusals.store(0, Ordering::Relaxed);
        if !is_promised && self.promised.swap(false, Ordering::Relaxed) {
            let refusals = self.refusals_for_one.load(Ordering::Relaxed);
            let refusals = match left {
                _ if left < margin / 2 * 3 => (refusals + (refusals / 2).max(1)).min(MOST_REFUSALS),
                _ if left >= margin.saturating_mul(3) => (refusals / 2).max(1),
                _ => refusals,
            };
            self.refusals_for_one.store(refusals, Ordering::Relaxed);
        }
    }

    pub(crate) fn wants_compaction(&self) -> bool {
        self.compact.load(Ordering::Relaxed)
    }

    /// Forgets what was found before the limit, or what is left below it, changed.
    pub(crate) fn forget(&self) {
        self.nearly_full.store(false, Ordering::Relaxed);
        self.full.store(false, Ordering::Relaxed);
        self.refusals_for_one.store(1, Ordering::Relaxed);
    }

    /// Counts a refused allocation. Returns whether it promises a major cycle ([headroom.promise]).
    pub(crate) fn refuse(&self, large: bool) -> bool {
        let refusals = self.refusals.fetch_add(1, Ordering::Relaxed) + 1;
        let promises = !self.is_nearly_full() || refusals >= self.refusals_for_one.load(Ordering::Relaxed);
        if large {
            self.large_refused.store(true, Ordering::Relaxed);
        }
        if promises {
            self.promised.store(true, Ordering::Relaxed);
        }
        promises
    }
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_wait_in_vain_makes_the_next_one_shorter() {
        let headroom = Headroom::new();
        let longest = headroom.drops_timeout();
        let (limit, margin) = (64 << 20, Headroom::margin(64 << 20));
        let wait = |released, millis| headroom.count_wait(released, Duration::from_millis(millis), limit);
        wait(0, 0);
        assert_eq!(headroom.drops_timeout(), longest / 4);
        wait(margin, 32);
        wait(margin, 32);
        wait(margin, 32);
        assert_eq!(headroom.drops_timeout(), longest);
        // What held little was dropped, but the room is what it was.
        (0..100).for_each(|_| wait(1000, 1));
        assert_eq!(headroom.drops_timeout(), Duration::from_millis(1));
        // A little in a short time is of use.
        wait(margin / 32, 1);
        assert_eq!(headroom.drops_timeout(), Duration::from_millis(2));
    }

    #[test]
    fn without_a_limit_there_is_room() {
        let heap = crate::Heap::builder().hard_limit(32 << 20).stress(crate::Stress::default()).build().unwrap();
        let mut m = heap.attach().unwrap();
        let headroom = &heap.collector().headroom;
        let kept: Vec<_> = (0..24).map(|_| m.root(m.alloc_slice_copy(&[1_u8; 1 << 20]))).collect();
        m.collect(crate::Collect::Full);
        assert!(headroom.is_low(32 << 20), "{}", headroom.available());
        heap.set_hard_limit(None);
        m.collect(crate::Collect::Young);
        assert_eq!(headroom.available(), usize::MAX);
        assert!(!headroom.is_low(usize::MAX) && !headroom.is_tight());
        drop(kept);
    }

    #[test]
    fn a_large_object_is_expected_again_for_a_major_cycle() {
        let headroom = Headroom::new();
        let room = Room { available: 100 << 10, small: 100 << 20 };
        let end = || headroom.major_ended(Some(room), 1 << 30, 0, false, || false);
        headroom.note_run(500 << 10);
        assert!(headroom.is_short(room, 4 << 20, headroom.largest_run()));
        end();
        assert!(
            headroom.is_short(room, 4 << 20, headroom.largest_run()),
            "a cycle that ended in between changes nothing"
        );
        end();
        assert!(!headroom.is_short(room, 4 << 20, headroom.largest_run()), "none was made during a whole cycle");
    }
}
