//! Collections that are put off because the concurrent thread is in their way, and the system may
//! not run it.
//!
//! A minor collection that is due because of what was allocated or remembered can come later: the
//! program goes on, and allocates more than the young budget. All other requests wait for the
//! concurrent thread.
//!
//! - **[put-off.bound]** A collection is put off while the bytes allocated since the last one
//!   exceed the young budget by less than the *overdraft*, and while remembered sets were full a
//!   few times only. So a mutator waits for the concurrent thread, as for any member of the
//!   rendezvous, after that at the latest. Near the hard limit the overdraft is what the limit
//!   leaves beyond the young budget. [refill.reserve] holds for what is allocated meanwhile, as for
//!   everything that is allocated.
//! - **[put-off.due]** What was put off stays due for the heap ([request.of-heap]): each region
//!   that a mutator takes raises its poll again, and so does the concurrent thread when it makes
//!   way ([yield.told]). What a remembered set was full for is due as for mutators that have
//!   detached.

use crate::{
    safepoint::Reason,
    stats::Cause,
    sync::{spin_loop, spins},
};

use super::{collector::Collector, yielding::Asked};

/// The least overdraft, in bytes: what a program allocates in some milliseconds.
const OVERDRAFT: usize = 8 << 20;
/// How often remembered sets are full before a collection is not put off any more. Each time costs
/// its pause about two milliseconds.
const MOST_FULL_SETS: usize = 2;

/// Puts a minor collection off that is due for `cause`, if the concurrent thread is in its way and
/// the heap can bear that. Returns whether it did. Where it did not, the concurrent thread is away
/// or was asked to be. No lock is taken.
#[must_use]
pub(crate) fn put_off(collector: &Collector, cause: Cause) -> bool {
    let Collector { yielding, pacing, .. } = collector;
    let stress = &collector.config.stress;
    if !matches!(cause, Cause::Nursery | Cause::RememberedSet) || stress.every_allocation != 0 {
        return false;
    }
    let Asked::AtWork { first } = yielding.ask() else { return false };
    if first {
        collector.major.poll().raise(Reason::MINOR);
        for _ in 0..spins() {
            if !yielding.is_at_work() {
                return false;
            }
            spin_loop();
        }
    }
    if !is_bearable(collector) {
        return false;
    }
    if cause == Cause::RememberedSet {
        if pacing.count_full_set() > MOST_FULL_SETS {
            return false;
        }
        pacing.note_much_remembered();
    }
    if first {
        pacing.count_put_off();
    }
    true
}

/// Returns whether a minor collection may come later ([put-off.bound]).
fn is_bearable(collector: &Collector) -> bool {
    let (pacing, headroom) = (&collector.pacing, &collector.headroom);
    // With the blocks that it may be promoted into, it takes some more than twice its bytes.
    pacing.bears_more(OVERDRAFT, headroom.available() / 4)
        && !pacing.holds_much()
        && !pacing.will_be_far_over_goal()
        && !headroom.has_changed()
        && !headroom.is_tight()
        && !headroom.is_nearly_full()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::{sync::mpsc, thread, time::Instant};

    use super::*;
    use crate::{
        Collect, Gc, Heap, HeapBuilder, Mutator, Slot, Stress,
        collector::{request, yielding::Yielding},
    };

    /// A heap whose concurrent thread has nothing to do: the tests take its place.
    fn heap() -> HeapBuilder {
        Heap::builder().stress(Stress::default()).idle_after(Duration::MAX).nursery_bytes(1 << 20)
    }

    fn yielding(heap: &Heap) -> &Yielding {
        &heap.collector().yielding
    }

    fn collections(heap: &Heap) -> u64 {
        heap.stats().collections.total()
    }

    /// Allocates this many bytes, with safepoints, or less if there is a collection. Returns how
    /// many.
    fn allocate(heap: &Heap, m: &mut Mutator, bytes: usize) -> usize {
        let (mut done, before) = (0, collections(heap));
        while done < bytes && collections(heap) == before {
            m.alloc([0_u64; 127]);
            done += 1024;
            m.safepoint();
        }
        done
    }

    #[test]
    fn a_mutator_goes_on_for_an_overdraft_while_the_concurrent_thread_is_in_its_way() {
        let heap = heap().build().unwrap();
        let mut m = heap.attach().unwrap();
        let usual = allocate(&heap, &mut m, usize::MAX);
        assert!((1 << 20..2 << 20).contains(&usual), "{usual}");
        for round in 1..=2 {
            assert!(yielding(&heap).begin_work());
            let bytes = allocate(&heap, &mut m, usize::MAX);
            assert!((OVERDRAFT + (1 << 20)..OVERDRAFT + (2 << 20)).contains(&bytes), "{bytes}");
            assert!(!yielding(&heap).end_work(), "the pause has ended the request");
            assert_eq!(heap.stats().put_off, round);
        }
        assert_eq!(allocate(&heap, &mut m, usize::MAX) / (1 << 20), 1, "it is away");
        assert_eq!(heap.stats().put_off, 2);
    }

    #[test]
    fn what_was_put_off_is_collected_when_the_concurrent_thread_makes_way() {
        let heap = heap().build().unwrap();
        let mut m = heap.attach().unwrap();
        assert!(yielding(&heap).begin_work());
        assert_eq!(allocate(&heap, &mut m, 2 << 20), 2 << 20);
        while m.safepoint_pending() {
            m.safepoint();
        }
        assert!(yielding(&heap).end_work(), "it was asked");
        assert!(!yielding(&heap).begin_work(), "it stays away");
        request::lead_what_was_put_off(heap.collector());
        assert!(m.safepoint_pending() && collections(&heap) == 0, "a mutator runs, and is asked");
        m.safepoint();
        assert_eq!(collections(&heap), 1);
        assert!(yielding(&heap).begin_work());
        assert_eq!(allocate(&heap, &mut m, 2 << 20), 2 << 20);
        while !m.safepoint_pending() {
            m.alloc([0_u64; 127]);
        }
        m.blocked(|| {
            assert_eq!(collections(&heap), 1, "a thread that blocks does not wait for it either");
            assert!(yielding(&heap).end_work());
            request::lead_what_was_put_off(heap.collector());
            assert_eq!(collections(&heap), 2, "no mutator runs");
        });
        assert!(!m.safepoint_pending());
        assert!(yielding(&heap).begin_work());
        assert_eq!(allocate(&heap, &mut m, 2 << 20), 2 << 20);
        // What is due when a mutator detaches is done by the heap's own thread, which is at work nowhere else here.
        drop(m);
        let _ = yielding(&heap).end_work();
        while collections(&heap) < 3 {
            thread::yield_now();
        }
        assert_eq!(collections(&heap), 3);
    }

    /// The request ends by itself where mutators are far from their safepoints, and with nobody
    /// there.
    #[test]
    fn the_concurrent_thread_stays_away_for_no_longer_than_it_was_told_to() {
        let heap = heap().build().unwrap();
        let mut m = heap.attach().unwrap();
        assert!(yielding(&heap).begin_work());
        allocate(&heap, &mut m, 2 << 20);
        assert!(yielding(&heap).end_work());
        yielding(&heap).stay_away(Duration::from_millis(1));
        assert!(yielding(&heap).begin_work());
        assert!(!yielding(&heap).end_work());
        drop(m);
        assert!(yielding(&heap).begin_work());
        assert_eq!(yielding(&heap).ask(), Asked::AtWork { first: true });
        assert!(yielding(&heap).end_work());
        // Nothing is due.
        request::lead_what_was_put_off(heap.collector());
        assert!(yielding(&heap).begin_work(), "the request is over");
    }

    #[test]
    fn what_a_program_asks_for_waits_for_the_concurrent_thread() {
        let heap = heap().build().unwrap();
        let mut m = heap.attach().unwrap();
        let (begin, begun) = mpsc::channel();
        thread::scope(|scope| {
            let collector = heap.collector();
            // In the place of the concurrent thread that marks.
            let marker = scope.spawn(move || {
                let (major, rendezvous) = (&collector.major, &collector.rendezvous);
                assert!(rendezvous.leave_blocked(major.word()));
                assert!(collector.yielding.begin_work());
                let before = collector.epochs.collections();
                begin.send(()).unwrap();
                while !major.poll().is_raised() {
                    thread::yield_now();
                }
                // It is asked to stop by the collection, and touches the heap until it does.
                let from = Instant::now();
                while from.elapsed() < Duration::from_millis(50) {
                    assert_eq!(collector.epochs.collections(), before, "no collection begins while it runs");
                    thread::yield_now();
                }
                let _ = collector.yielding.end_work();
                rendezvous.enter_blocked(major.word());
            });
            m.blocked(|| begun.recv().unwrap());
            m.collect(Collect::Young);
            assert_eq!(collections(&heap), 1);
            m.blocked(|| marker.join().unwrap());
        });
        assert_eq!(heap.stats().put_off, 0);
    }

    #[test]
    fn a_remembered_set_is_full_a_few_times_before_a_mutator_waits() {
        let heap = heap().remembered_entries(1 << 13).build().unwrap();
        let mut m = heap.attach().unwrap();
        let old = m.root(m.alloc_slice_with(300_000, |_| Slot::<u64>::null()));
        m.collect(Collect::Promote);
        let before = collections(&heap);
        assert!(yielding(&heap).begin_work());
        let mut stored = 0;
        while collections(&heap) == before {
            let young = m.alloc(7);
            old.get(&m)[stored].set(&m, Some(young));
            stored += 1;
            m.safepoint();
        }
        let entries = heap.collector().config.remembered_entries;
        assert_eq!(stored, entries * (MOST_FULL_SETS + 1));
        let _ = yielding(&heap).end_work();
    }

    /// No allocation is refused because a collection was put off, however much the hard limit
    /// leaves.
    #[test]
    fn nothing_is_refused_near_the_hard_limit() {
        let mut put_off = 0;
        for limit in (20..=68).step_by(4).map(|mebibytes| mebibytes << 20) {
            let heap = heap().hard_limit(limit).build().unwrap();
            let mut m = heap.attach().unwrap();
            let mut kept = m.root(Vec::<Gc<'_, [u64; 127]>>::new());
            for _ in 0..8 << 10 {
                let more = m.alloc([1; 127]);
                kept.get_mut(&m).push(more);
                m.safepoint();
            }
            // With what was promoted just now counted.
            m.collect(Collect::Promote);
            for n in 0..32 << 10 {
                if !yielding(&heap).is_at_work() {
                    let _ = yielding(&heap).begin_work();
                }
                let allocated = m.try_alloc([2_u64; 127]);
                assert!(allocated.is_ok(), "{n}, {limit}: {:?}", heap.stats());
                m.safepoint();
            }
            let _ = yielding(&heap).end_work();
            let stats = heap.stats();
            assert!(stats.memory_peak <= limit, "{stats:?}");
            put_off += stats.put_off;
        }
        assert!(put_off > 0);
    }
}
