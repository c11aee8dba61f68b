//! An idle heap: where nothing was allocated and nothing collected for a while, the heap is
//! collected once more and gives its memory back. After that it costs no processor time.
//!
//! ```text
//!              nothing changed          a pause that is led        the cycle has left
//!              between two looks        because the heap is idle   objects far apart
//!        BUSY ──────────────────▶ DUE ─────────────────────▶ REST ──────────────▶ SCATTERED
//!         ▲                        │                         │  ▲                    │
//!         └─ memory is handed out, ┴── or any other pause ───┘  └──── a compaction ──┘
//! ```
//!
//! - **[idle.looks]** The clock looks at the heap from time to time while it is BUSY, and at no
//!   other time. A thread that makes the heap BUSY puts it on the clock's list. The clock looks at
//!   the state, and takes the heap off the list, under the lock of the list. So a BUSY heap is on
//!   the list. The model is `models/protocols/clock.rs`.
//! - **[idle.share]** A heap is collected because it is idle for at most a fiftieth of the time,
//!   and for [`AHEAD`] more: until then it stays BUSY. So a program that does a little now and then
//!   does not have a large heap marked each time, and one that has stopped has it collected again
//!   at once: a table whose entries were found dead shrinks, and the next collection finds what it
//!   was. What counts is the processor time of the threads that mark and sweep, and of those that
//!   lead the pauses: on a busy machine the same work takes longer by the clock, and costs no more.
//! - **[idle.between-cycles]** A heap becomes DUE while no major cycle is under way: what is due
//!   because the heap is idle begins one, or moves objects, and until the cycle ends it is not
//!   known what that costs. One that begins at that very moment asks again at its end.
//! - **[idle.no-wait]** What is due because the heap is idle is done beside mutators that are
//!   BLOCKED. If one runs, it does it at its next safepoint, or when it blocks. It waits a
//!   millisecond for others and reports none as late: where they are far from their safepoints, the
//!   heap is BUSY again, and is looked at later.

use core::time::Duration;
use std::time::Instant;

use crate::sync::{
    Mutex, RawLock,
    atomic::{AtomicU8, Ordering},
    raw,
};

use super::major_cycle::MajorCycle;

/// Whether the heap is idle, and what is due because it is.
pub(crate) struct Idle {
    state: AtomicU8,
    /// Puts the heap on the clock's list.
    watch: Box<dyn Fn() + Send + Sync>,
    /// How long the clock waits between two looks. `None` if idle heaps are left alone.
    every: Option<Duration>,
    looks: Mutex<Looks>,
}

struct Looks {
    /// What the last one has found.
    seen: Seen,
    /// From when on the heap may be marked because it is idle ([idle.share]).
    mark_from: Instant,
}

/// What changes while something happens in a heap.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    pub(crate) pauses: u64,
    pub(crate) fresh_bytes: usize,
    pub(crate) external: usize,
}

/// What is due because the heap is idle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IdleWork {
    Collect,
    Compact,
}

/// [idle.share].
const SHARE: u32 = 50;
/// The time that an idle heap may take at once, of what it has not taken before.
const AHEAD: Duration = Duration::from_secs(1);

const REST: u8 = 0;
const BUSY: u8 = 1;
const DUE: u8 = 2;
const SCATTERED: u8 = 3;

// Relaxed, in all of this file: the state guards no memory. What is done by it is done under the registry lock, and for [idle.looks] the
// lock of the clock orders it.
impl Idle {
    pub(crate) fn new(after: Duration, watch: Box<dyn Fn() + Send + Sync>) -> Self {
        // A time that this clock does not know never comes.
        let every = Instant::now().checked_add(after).map(|_| after.min(Duration::from_secs(1 << 32)));
        let looks = Looks { seen: Seen::default(), mark_from: earliest() };
        Self { state: AtomicU8::new(REST), watch, every, looks: Mutex::new(looks) }
    }

    /// Records that memory is handed out, or a pause.
    #[inline]
    pub(crate) fn note_activity(&self, major: &MajorCycle) {
        // The load keeps mutators that allocate from writing the same line.
        if self.state.load(Ordering::Relaxed) != BUSY && self.state.swap(BUSY, Ordering::Relaxed) != BUSY {
            major.wake();
            (self.watch)();
        }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.looks)
    }

    /// Returns whether something has happened in the heap, and the clock looks whether more does.
    pub(crate) fn is_busy(&self) -> bool {
        self.state.load(Ordering::Relaxed) == BUSY
    }

    /// Returns how long to wait until the next look, if there is to be one.
    pub(crate) fn next_look(&self) -> Option<Duration> {
        self.every.filter(|_| self.is_busy())
    }

    /// Looks whether anything has happened since the last look. Returns whether a collection is due
    /// now.
    pub(crate) fn look(&self, now: Seen) -> bool {
        let mut looks = self.looks.lock();
        let unchanged = core::mem::replace(&mut looks.seen, now) == now;
        unchanged && Instant::now() >= looks.mark_from && self.change(BUSY, DUE)
    }

    /// Records that a thread has done some of the work because the heap is idle, which took so much
    /// processor time.
    pub(crate) fn note_work(&self, took: Duration) {
        let mut looks = self.looks.lock();
        looks.mark_from = looks.mark_from.max(earliest()) + SHARE * took;
    }

    /// Returns what is due.
    pub(crate) fn work(&self) -> Option<IdleWork> {
        match self.state.load(Ordering::Relaxed) {
            DUE => Some(IdleWork::Collect),
            SCATTERED => Some(IdleWork::Compact),
            _ => None,
        }
    }

    /// Records that what was due is being done. The caller leads the pause.
    pub(crate) fn begin_work(&self) {
        let _ = self.change(DUE, REST) || self.change(SCATTERED, REST);
    }

    /// Records that the collection of an idle heap has left objects far apart, if the heap is still
    /// idle.
    pub(crate) fn note_scattered(&self) {
        let _ = self.change(REST, SCATTERED);
    }

    /// Returns whether the heap is idle, and nothing is due any more.
    pub(crate) fn rests(&self) -> bool {
        self.state.load(Ordering::Relaxed) == REST
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Returns since when a heap that has taken no time had to be idle to take [`AHEAD`].
fn earliest() -> Instant {
    let now = Instant::now();
    now.checked_sub(SHARE * AHEAD).unwrap_or(now)
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use std::thread;

    use super::*;
    use crate::{Heap, Stress, Trace, Visitor, collector::major_cycle::Phase};

    /// An object during whose marking the system runs other threads for a while.
    struct Waits(#[expect(dead_code, reason = "what has no bytes is not traced")] u8);

    const WAIT: Duration = Duration::from_millis(1500);

    // SAFETY: it has no pointers, and no lifetime.
    unsafe impl Trace for Waits {
        type At<'a> = Self;
        type Static = Self;
        const HAS_CELL: bool = false;
        const HAS_GC: bool = true;

        unsafe fn trace<V: Visitor>(_: *mut Self, _: &mut V) {
            if !V::MOVES {
                thread::sleep(WAIT);
            }
        }
    }

    /// Does `body` beside a heap that is idle soon and has such an object.
    fn beside_one_that_waits(body: impl FnOnce(&Heap)) {
        let heap = Heap::builder().stress(Stress::default()).idle_after(Duration::from_millis(20)).build().unwrap();
        let mut m = heap.attach().unwrap();
        let _kept = m.root(m.alloc(Waits(0)));
        m.blocked(|| body(&heap));
    }

    fn wait_until(is_done: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_done() {
            assert!(start.elapsed() < Duration::from_secs(120));
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// [idle.share]
    #[test]
    fn time_in_which_other_threads_run_does_not_count() {
        beside_one_that_waits(|heap| {
            let start = Instant::now();
            wait_until(|| heap.stats().collections.full == 1);
            assert!(start.elapsed() >= WAIT, "it has waited");
            let mark_from = heap.collector().idle.looks.lock().mark_from;
            let left = mark_from.saturating_duration_since(Instant::now());
            assert!(left < SHARE * (WAIT - AHEAD) / 2, "{left:?} until an idle heap is collected again");
        });
    }

    /// [idle.between-cycles]
    #[test]
    fn what_happens_during_a_cycle_is_followed_by_another_one() {
        beside_one_that_waits(|heap| {
            let collector = heap.collector();
            wait_until(|| collector.major.phase() == Phase::Marking);
            collector.idle.note_activity(&collector.major);
            wait_until(|| heap.stats().collections.full == 2);
        });
    }

    /// Looks at a heap in which nothing has happened between the looks.
    fn is_idle(idle: &Idle) -> bool {
        (0..2).any(|_| idle.look(Seen { pauses: 1, ..Seen::default() }))
    }

    #[test]
    fn an_idle_heap_is_marked_for_a_part_of_the_time() {
        let (idle, major) =
            (Idle::new(Duration::from_secs(5), Box::new(|| ())), MajorCycle::new(Box::new(|| false), Box::new(|| ())));
        assert_eq!((idle.next_look(), is_idle(&idle), idle.work()), (None, false, None));
        for (took, again) in [(Duration::ZERO, true), (AHEAD / 2, true), (AHEAD, false)] {
            idle.note_activity(&major);
            assert!(idle.next_look().is_some());
            assert!(!idle.look(Seen { pauses: 2, ..Seen::default() }), "something has happened");
            assert!(is_idle(&idle));
            assert_eq!(idle.work(), Some(IdleWork::Collect));
            idle.begin_work();
            idle.note_work(took);
            assert!(idle.rests() && idle.next_look().is_none());
            idle.note_activity(&major);
            assert_eq!((is_idle(&idle), idle.next_look().is_some()), (again, !again));
        }
    }
}
