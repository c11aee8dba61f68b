//! Parked mutators that are dropped while a mutator of another heap runs on their thread.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use gc_core::{Collect, Heap};
use gc_tests::heaps::calm;

/// The attack: two threads drop a parked mutator of the heap that the other one runs a mutator of, while both heaps wait for a pause.
#[test]
fn two_threads_drop_parked_mutators_crosswise_while_both_heaps_collect() {
    let heaps: [Heap; 2] = [(); 2].map(|()| calm().build().unwrap());
    let ready = Arc::new(Barrier::new(4));
    let crosswise: Vec<_> = (0..2)
        .map(|id| {
            let (parked, runs, ready) = (heaps[id].clone(), heaps[1 - id].clone(), ready.clone());
            thread::spawn(move || {
                let parked = parked.attach().unwrap().park();
                let mut m = runs.attach().unwrap();
                m.blocked(|| ready.wait());
                // Both leaders wait for this thread, or for the other one.
                thread::sleep(Duration::from_millis(300));
                drop(parked);
                m.safepoint();
                m.alloc(1);
            })
        })
        .collect();
    let leaders: Vec<_> = (0..2)
        .map(|id| {
            let (heap, ready) = (heaps[id].clone(), ready.clone());
            thread::spawn(move || {
                let mut m = heap.attach().unwrap();
                m.blocked(|| ready.wait());
                thread::sleep(Duration::from_millis(100));
                m.collect(Collect::Young);
            })
        })
        .collect();
    for thread in crosswise.into_iter().chain(leaders) {
        thread.join().unwrap();
    }
    for heap in &heaps {
        heap.with(|m| m.collect(Collect::Full)).unwrap();
    }
}
