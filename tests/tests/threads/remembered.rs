//! What mutators remembered that have gone is a request of the heap, also where collections are the program's own business: the
//! mutator that runs was asked, and took the request for one that `auto` forbids.

use std::{sync::mpsc, thread};

use gc_core::{Collect, Slot, blocking};
use gc_tests::heaps::{calm, wait_until};

#[test]
fn the_one_who_runs_forgets_what_others_remembered_also_without_auto() {
    const SLOTS: usize = 512;
    let heap = calm().auto(false).remembered_entries(64).build().unwrap();
    let mut m = heap.attach().unwrap();
    let slots = m.root(m.alloc_slice_with::<Slot<u64>>(SLOTS, |_| Slot::null()));
    m.collect(Collect::Full);
    let before = heap.stats().collections;
    let (attached, is_attached) = mpsc::channel();
    let (left, has_left) = mpsc::channel();
    let (runs, other_runs) = mpsc::channel();
    let there = heap.clone();
    let writer = thread::spawn(move || {
        let w = there.attach().unwrap();
        attached.send(()).unwrap();
        other_runs.recv().unwrap();
        for slot in slots.get(&w).iter() {
            slot.set(&w, Some(w.alloc(1)));
        }
        drop(w); // gives up, as the other one does not poll
        left.send(()).unwrap();
    });
    blocking::recv(&mut m, &is_attached).unwrap();
    runs.send(()).unwrap();
    has_left.recv().unwrap(); // runs, and does not poll
    wait_until("what was remembered is forgotten", || {
        m.safepoint();
        heap.stats().collections != before
    });
    blocking::join(&mut m, writer).unwrap();
}
