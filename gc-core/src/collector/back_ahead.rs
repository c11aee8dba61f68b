//! New memory for the nursery is backed before the program comes to it, by the concurrent thread: the first touch of a huge page
//! takes a quarter of a millisecond, and milliseconds where the host of a virtual machine has to find one.
//!
//! - **[ahead.charged]** What is backed ahead is chunks like all others. They are charged before
//!   they are backed, listed as empty when they are, and given back as all empty ones are.
//! - **[ahead.in-hand]** From when they are charged until they are backed they are in the hand of
//!   the thread that backs them: no other thread allocates in them, or gives them back. So nothing
//!   is backed late that was given back. The child of a fork, where that thread is gone, lists them.
//! - **[ahead.wanted]** A huge page is backed at a time, where the program has nearly used up those
//!   before, the young budget lets it come to this one before the next collection, and the hard
//!   limit is far.

use crate::memory::address_map::HUGE_PAGE;

use super::{collector::Collector, generations::Young};

/// Returns whether new memory is to be backed now ([ahead.wanted]).
pub(crate) fn is_wanted(collector: &Collector, young: &Young) -> bool {
    let (space, budget) = (&young.space, &collector.memory.budget);
    space.runs_out()
        && !young.near
        && collector.pacing.fresh_left() > space.left_for_fresh() + HUGE_PAGE / 2
        && budget.used() + HUGE_PAGE < budget.limit() / 2
}

/// Backs a huge page, if that is wanted still. The caller holds no lock.
pub(crate) fn back(collector: &Collector) {
    let memory = &collector.memory;
    memory.commit_ahead(HUGE_PAGE, 0);
    let in_hand = {
        let mut young = collector.young.lock();
        let wanted = is_wanted(collector, &young);
        if wanted { young.space.take_ahead(|offset, bytes| memory.grow(offset, bytes)) } else { None }
    };
    if let Some((offset, bytes)) = in_hand {
        memory.populate(offset, bytes);
        collector.young.lock().space.put_ahead();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use super::*;
    use crate::{Heap, Mutator, Stress, object::HEADER, space::empty_blocks::Unit};

    fn heap(nursery: usize) -> Heap {
        Heap::builder().stress(Stress::default()).nursery_bytes(nursery).build().unwrap()
    }

    fn allocate(m: &Mutator, bytes: usize) {
        (0..bytes / 1000).for_each(|_| _ = m.alloc([0_u8; 1000 - HEADER]));
    }

    /// Waits until nothing is wanted or in hand.
    fn until_backed(heap: &Heap) {
        let start = Instant::now();
        let (collector, is_unfinished) =
            (heap.collector(), |young: &Young| young.space.runs_out() || young.space.has_in_hand());
        while is_unfinished(&collector.young.lock()) {
            assert!(start.elapsed() < Duration::from_secs(120), "nobody backs what is wanted");
            thread::yield_now();
        }
    }

    #[test]
    fn memory_is_backed_before_the_program_comes_to_it() {
        let heap = heap(8 * HUGE_PAGE);
        let m = heap.attach().unwrap();
        for _ in 0..5 {
            allocate(&m, HUGE_PAGE * 7 / 8);
            until_backed(&heap);
        }
        let young = heap.collector().young.lock();
        assert!(young.space.left_for_fresh() >= HUGE_PAGE / 2, "{} bytes", young.space.left_for_fresh());
        let in_use = young.space.in_use() * young.space.chunk_bytes();
        assert_eq!(young.space.charged_bytes(), in_use + young.space.empty_bytes());
    }

    /// Whether more was backed, or would be, after so much was allocated.
    fn is_backed(nursery: usize, limit: Option<usize>, bytes: usize) -> bool {
        let heap = heap(nursery);
        heap.set_hard_limit(limit);
        let m = heap.attach().unwrap();
        allocate(&m, bytes);
        let young = heap.collector().young.lock();
        is_wanted(heap.collector(), &young) || young.space.empty_bytes() > 0
    }

    #[test]
    fn nothing_is_backed_that_may_stay_unused() {
        let most = HUGE_PAGE * 7 / 8;
        assert!(is_backed(8 * HUGE_PAGE, None, most));
        assert!(!is_backed(8 * HUGE_PAGE, None, HUGE_PAGE / 2), "little is used");
        assert!(!is_backed(HUGE_PAGE, None, most), "a collection comes first");
        assert!(!is_backed(8 * HUGE_PAGE, Some(8 << 20), most), "the limit is near");
    }

    /// [ahead.in-hand]
    #[test]
    fn what_is_in_hand_is_not_given_back() {
        let heap = heap(2 * HUGE_PAGE);
        let _m = heap.attach().unwrap();
        let collector = heap.collector();
        collector.memory.commit_ahead(HUGE_PAGE, 0);
        let mut young = collector.young.lock();
        let charged = young.space.charged_bytes();
        let (_, bytes) = young.space.take_ahead(|offset, bytes| collector.memory.grow(offset, bytes)).unwrap();
        assert_eq!((young.space.charged_bytes(), young.space.empty_bytes()), (charged + bytes, bytes));
        assert!(young.space.take_surplus(0, usize::MAX, Unit::Block).is_empty());
        young.space.put_ahead();
        let surplus = young.space.take_surplus(0, usize::MAX, Unit::Block);
        assert_eq!(surplus.len() * young.space.chunk_bytes(), bytes);
    }
}
