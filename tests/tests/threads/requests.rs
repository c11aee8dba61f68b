//! Requests for collections from several mutators: each is served once, and none is lost.

use std::{sync::mpsc, thread, time::Duration};

use gc_core::{Collect, Gc, Heap, blocking};
use gc_tests::{
    collectors::Collectors,
    heaps::{calm, settle},
    ledger::{Ledger, Token},
    sizes::scaled,
};

#[test]
fn two_who_used_up_one_nursery_collect_it_once() {
    let heap = Heap::builder().chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap();
    let there = heap.clone();
    let (ready, is_ready) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let mut m = heap.attach().unwrap();
    let second = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        while !m.safepoint_pending() {
            m.alloc([0_u64; 20]);
        }
        ready.send(()).unwrap();
        // Late, as any thread may be: the first one leads by now and waits for this one.
        gone.recv().unwrap();
        thread::sleep(Duration::from_millis(200));
        m.safepoint();
    });
    blocking::recv(&mut m, &is_ready).unwrap();
    while !m.safepoint_pending() {
        m.alloc([0_u64; 20]);
    }
    go.send(()).unwrap();
    m.safepoint();
    blocking::join(&mut m, second).unwrap();
    assert_eq!(heap.stats().collections.total(), 1, "{:?}", heap.stats().collections);
}

#[test]
fn a_refused_allocation_finds_room_after_the_safepoint_whoever_collects_before() {
    let heap = Heap::builder().hard_limit(32 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    // Old garbage up to the limit.
    let mut kept = m.root(Vec::<Gc<[u8; 4096]>>::new());
    heap.set_auto(false);
    while let Ok(page) = m.try_alloc([0; 4096]) {
        kept.get_mut(&m).push(page);
        if kept.borrow(&m).len().is_multiple_of(100) {
            m.collect(Collect::Promote);
        }
    }
    m.safepoint();
    while let Ok(page) = m.try_alloc([0; 4096]) {
        kept.get_mut(&m).push(page);
        if kept.borrow(&m).len().is_multiple_of(100) {
            m.collect(Collect::Promote);
        }
    }
    kept.get_mut(&m).clear();
    // Refused: "a collection has been asked for: reach a safepoint and try again"; where the last one found little, by the next refusal.
    if !m.safepoint_pending() {
        assert!(m.try_alloc([0; 4096]).unwrap_err().is_collecting());
    }
    assert!(m.safepoint_pending());
    // Somebody else collects the young generation while this thread waits.
    let there = heap.clone();
    let other = thread::spawn(move || {
        there.attach().unwrap().collect(Collect::Young);
    });
    blocking::join(&mut m, other).unwrap();
    m.safepoint();
    assert!(m.try_alloc([0_u8; 4096]).is_ok(), "all is garbage, {:?}", heap.stats());
}

#[test]
fn what_a_collection_found_dead_is_dropped_or_counted_when_anybody_goes_on() {
    let heap = calm().build().unwrap();
    // They collect what the first one makes, and are late to hand it over to be dropped now and then.
    let others = Collectors::start(&heap, 3);
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let mut missed = 0;
    for round in 1..=scaled(3000) as usize {
        m.alloc::<Token>(ledger.token());
        m.safepoint();
        m.collect(Collect::Full);
        settle(&heap);
        missed += usize::from(ledger.dropped() != round);
    }
    drop(m);
    others.end();
    assert_eq!(missed, 0, "times that a dead value was neither dropped nor pending");
}
