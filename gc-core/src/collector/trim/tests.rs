use core::time::Duration;
use std::{cell::Cell, panic, rc::Rc};

use super::*;
use crate::{
    Collect, Gc, Heap, Level, Root, Slot, Stress,
    collector::near_limit,
    memory::calls::{self, Call},
    sync::Arc,
};

/// What this thread has given back: calls, the bytes of all and of the largest one, and the
/// bytes in use meanwhile. And how often it has committed memory, and given advice.
#[derive(Clone, Copy, Default, Debug)]
struct Given {
    commits: usize,
    advice: usize,
    calls: usize,
    bytes: usize,
    most: usize,
    /// The least and the most.
    in_use: Option<(usize, usize)>,
}

/// Returns the bytes that are charged and not free, as a pause would find them.
fn in_use(collector: &Collector) -> usize {
    let (young, old, large) = (collector.young.lock(), collector.old.lock(), collector.large.lock());
    let free = young.space.empty_bytes() + old.space.charged_empty() * BLOCK + large.charged_free();
    collector.memory.budget.used() - free
}

/// Runs `scope`, in which no system call of this thread may be made while the thread holds a
/// lock that a pause or an allocation takes.
fn without_locks(collector: &Arc<Collector>, scope: impl FnOnce()) -> Given {
    let given = Rc::new(Cell::new(Given::default()));
    let (observed, collector) = (given.clone(), collector.clone());
    let observer = move |call, bytes: usize| {
        // Other threads hold a lock for a moment, this one would for ever.
        let timeout = Duration::from_secs(20);
        assert!(collector.registry.try_lock_for(timeout).is_some(), "{call:?} under the registry's lock");
        assert!(collector.young.try_lock_for(timeout).is_some(), "{call:?} under the lock of what is young");
        assert!(collector.old.try_lock_for(timeout).is_some(), "{call:?} under the lock of what is old");
        assert!(collector.large.try_lock_for(timeout).is_some(), "{call:?} under the lock of large runs");
        let mut given = observed.get();
        match call {
            Call::Commit => given.commits += 1,
            Call::Release => {
                given.calls += 1;
                given.bytes += bytes;
                given.most = given.most.max(bytes);
                let now = in_use(&collector);
                given.in_use = given.in_use.or(Some((now, now))).map(|(least, most)| (least.min(now), most.max(now)));
            }
            Call::Advise => given.advice += 1,
            Call::Populate | Call::Name(_) => {}
        }
        observed.set(given);
    };
    calls::observe(observer, scope);
    given.get()
}

/// Empties 32 MiB of blocks, of chunks and of runs, and gives memory back by `give`. Returns
/// what that has given back, and the bytes that are charged before and after.
fn emptied(give: impl Fn(&Collector)) -> (Given, [usize; 2]) {
    let (given, bytes) = emptied_heap(|heap| without_locks(heap.shared_collector(), || give(heap.collector())));
    // What is given back does not look like less in use meanwhile ([trim.counted]).
    assert!(given.in_use.is_some_and(|(least, most)| least == most), "room is found twice: {given:?}");
    (given, bytes)
}

fn emptied_heap<R>(give: impl FnOnce(&Heap) -> R) -> (R, [usize; 2]) {
    // The heap's own thread, which would give back some of it, waits in the hook. The lock is not one of this crate ([held.none]).
    let lock = Arc::new(parking_lot::Mutex::new(()));
    let (guard, waits) = (lock.lock(), lock.clone());
    let builder = Heap::builder().stress(Stress::default());
    let heap = builder.on_event(Level::Debug, move |_| drop(waits.lock())).build().unwrap();
    let collector = heap.shared_collector();
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Promote);
    // No safepoint: a burst.
    for _ in 0..32 << 10 {
        m.alloc([0_u8; 1000]);
    }
    let mut kept: Root<Vec<Gc<'static, [u8]>>> = m.root(Vec::<Gc<[u8]>>::new());
    for n in 0..32 << 10 {
        let small = m.alloc_slice_with(1000, |_| 1);
        kept.get_mut(&m).push(small);
        if n % 64 == 0 {
            let large = m.alloc_slice_copy(&[1; 60 << 10]);
            kept.get_mut(&m).push(large);
        }
        m.safepoint();
    }
    drop(kept);
    m.collect(Collect::Full);
    drop(m);
    let before = collector.memory.budget.used();
    let given = give(&heap);
    let after = collector.memory.budget.used();
    drop(guard);
    (given, [before, after])
}

#[test]
fn what_is_unused_is_given_back_in_pieces_without_a_lock() {
    // All that was not in use for a cycle.
    let (given, [before, after]) = emptied(|collector| (0..3).for_each(|_| release_unused(collector)));
    assert!(given.bytes > 48 << 20 && given.most <= PIECE, "{given:?}");
    assert!(after + (48 << 20) < before, "{after} after {before}, {given:?}");
}

#[test]
fn all_that_is_empty_is_given_back_in_pieces_without_a_lock() {
    let (given, [before, after]) = emptied(release_all);
    assert!(given.bytes > 64 << 20 && given.most <= PIECE, "{given:?}");
    // A chunk, and the blocks that it may need.
    assert!(after < 16 << 20, "{after} after {before}, {given:?}");
}

#[test]
fn advice_about_split_groups_is_given_without_a_lock() {
    let (given, _) = emptied(|collector| {
        collector.memory.budget.set_limit(1);
        release_unused(collector);
    });
    assert!(given.advice > 0 && given.bytes > 48 << 20, "{given:?}");
}

/// It takes what empty blocks, chunks and runs have, which are all that the limit leaves.
#[test]
fn an_allocation_near_the_limit_gives_back_without_a_lock() {
    for near in [false, true] {
        let ((given, made), _) = emptied_heap(|heap| {
            let collector = heap.shared_collector();
            collector.memory.budget.set_limit(collector.memory.budget.used());
            near_limit::fit_anew(collector);
            let mut m = heap.attach().unwrap();
            if near {
                m.collect(Collect::Promote);
            }
            let mut made = 0;
            // No safepoint.
            let given = without_locks(collector, || {
                while m.try_alloc([0_u8; 1000]).is_ok() {
                    made += 1;
                }
            });
            (given, made)
        });
        assert!(given.calls > 0 && given.most <= PIECE, "near: {near}, {given:?}");
        assert!(made * 1000 > 40 << 20, "near: {near}, {made} objects, {given:?}");
    }
}

#[test]
fn what_is_on_its_way_is_listed_again_after_a_panic() {
    let (given, _) = emptied_heap(|heap| {
        let first = Cell::new(true);
        let panics = move |call, _| assert!(call != Call::Release || !first.replace(false), "planted");
        let collector = heap.shared_collector();
        let give = || panic::catch_unwind(panic::AssertUnwindSafe(|| release_all(collector))).is_ok();
        let given = Cell::new([true; 2]);
        calls::observe(panics, || given.set([give(), give()]));
        let space = &collector.young.lock().space;
        assert_eq!(space.empty_bytes(), space.chunk_bytes(), "the others were given back at last");
        given.get()
    });
    assert_eq!(given, [false, true]);
}

/// The first commits are those ahead of the use.
#[test]
fn what_the_system_has_refused_is_committed_without_a_lock() {
    for refused in 1..6 {
        let stress = format!("map-fails={refused}").parse::<Stress>().unwrap();
        let heap = Heap::builder().stress(stress).build().unwrap();
        let m = heap.attach().unwrap();
        let given = without_locks(heap.shared_collector(), || {
            for _ in 0..1 << 13 {
                m.alloc([0_u8; 1000]);
            }
        });
        assert!(given.commits >= refused, "{given:?}");
    }
}

#[test]
fn an_allocation_commits_without_a_lock() {
    let heap = Heap::builder().stress(Stress::default()).build().unwrap();
    let m = heap.attach().unwrap();
    let given = without_locks(heap.shared_collector(), || {
        let kept = m.root(m.alloc_slice_with(1 << 15, |_| Slot::<[u8]>::null()));
        for n in 0..1 << 15 {
            let bytes = if n % 64 == 0 { 60 << 10 } else { 1000 };
            let new = m.alloc_slice_with(bytes, |_| 1);
            kept.get(&m)[n].set(&m, Some(new));
        }
    });
    assert!(given.commits > 500 && given.calls == 0, "at least one for each large object: {given:?}");
}
