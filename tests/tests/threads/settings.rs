//! A setting that makes a collection due is a request like any other: it waits for no thread that sleeps.

use std::{sync::mpsc, thread};

use gc_core::{Collect, Heap, Thresholds, blocking};
use gc_tests::heaps::{calm, wait_until};

/// All mutators are blocked, and hold 40 MB that are old. Then somebody changes a setting.
fn while_all_are_blocked(auto: bool, change: impl FnOnce(&Heap)) {
    let heap = calm().auto(auto).soft_limit(1 << 30).build().unwrap();
    let (ready, is_ready) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let there = heap.clone();
    let waits = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        m.collect(Collect::Full);
        let kept = m.root(m.alloc_slice_with(5 << 20, |i| i as u64));
        m.collect(Collect::Promote);
        ready.send(()).unwrap();
        let _ = blocking::recv(&mut m, &ends);
        assert_eq!(kept.get(&m)[5000], 5000);
    });
    is_ready.recv().unwrap();
    let before = heap.stats().collections.full;
    change(&heap);
    wait_until("a cycle has ended", || heap.stats().collections.full > before);
    drop(end);
    waits.join().unwrap();
}

#[test]
fn what_a_setting_makes_due_is_done_though_all_are_blocked() {
    while_all_are_blocked(false, |heap| heap.set_auto(true));
    let growth = |growth_floor| Thresholds { growth_floor, growth_percent: 1000, ..Thresholds::default() };
    while_all_are_blocked(true, |heap| {
        heap.set_thresholds(growth(1 << 30)).unwrap();
        heap.set_thresholds(growth(1 << 20)).unwrap();
    });
    while_all_are_blocked(true, |heap| {
        heap.set_thresholds(growth(1 << 30)).unwrap();
        heap.set_soft_limit(Some(1 << 20));
    });
}
