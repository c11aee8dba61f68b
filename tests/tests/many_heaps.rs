//! A thousand heaps in a process cost little more than what is in them, and have no threads while nothing is to be done.
//! Alone in its process: its threads are counted, and its resident memory is measured.

#![forbid(unsafe_code)]

use std::{fs, sync::Arc, time::Duration};

use gc_core::{Collect, Heap, Leaf, Stress};
use gc_tests::{
    heaps::{TIMEOUT, wait_until},
    process::resident_bytes,
};

const HEAPS: usize = 1000;

/// One test counts at a time.
static TURN: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

/// The threads of heaps in this process, by their names.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread that has ended meanwhile has no name.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("gc-core")).count()
}

#[test]
fn a_thousand_heaps_have_no_threads_until_something_is_to_be_done() {
    let _turn = TURN.lock();
    wait_until("the clock of another test has left", || threads() == 0);
    let bytes_before = resident_bytes();
    // Longer than this test takes: the heaps are not idle yet.
    let heap = || Heap::builder().stress(Stress::default()).idle_after(10 * TIMEOUT).build().unwrap();
    let heaps: Vec<_> = (0..HEAPS).map(|_| heap()).collect();
    assert_eq!(threads(), 0, "threads of heaps that nothing was done in");
    let roots: Vec<_> = heaps
        .iter()
        .map(|heap| heap.with(|m| (0..5_u64).map(|n| m.root(m.alloc(n))).collect::<Vec<_>>()).unwrap())
        .collect();
    let (started, bytes) = (threads(), resident_bytes().saturating_sub(bytes_before));
    println!("{started} threads, {} KiB for each heap", (bytes / HEAPS) >> 10);
    assert!(started <= 1, "{started} threads, expected the clock only");
    assert!(bytes / HEAPS <= 44 << 10, "{} bytes for each heap", bytes / HEAPS);

    // What needs threads has them: one heap is collected, and runs a destructor.
    let shared = Arc::new(());
    heaps[7]
        .with(|m| {
            m.alloc(Leaf(shared.clone()));
            m.collect(Collect::Full);
            m.drain_drops(TIMEOUT).unwrap();
        })
        .unwrap();
    assert_eq!(Arc::strong_count(&shared), 1);
    for (heap, roots) in heaps.iter().zip(&roots) {
        heap.with(|m| assert!(roots.iter().map(|root| *root.get(m)).eq(0..5))).unwrap();
    }
    drop((heaps, roots));
    wait_until("no heap has a thread", || threads() <= 1);
}

/// Heaps that are idle are collected, which takes threads; these leave.
#[test]
fn the_threads_of_idle_heaps_leave() {
    let _turn = TURN.lock();
    let shared = Arc::new(());
    let heaps: Vec<_> = (0..20)
        .map(|_| Heap::builder().stress(Stress::default()).idle_after(Duration::from_millis(50)).build().unwrap())
        .collect();
    for round in 1..4 {
        for heap in &heaps {
            heap.with(|m| m.alloc(Leaf(shared.clone())).0.clone()).map(drop).unwrap();
        }
        wait_until("each heap is collected because it is idle", || {
            Arc::strong_count(&shared) == 1 && heaps.iter().all(|heap| heap.stats().collections.full >= round)
        });
        wait_until("all threads have left", || threads() == 0);
    }
}
