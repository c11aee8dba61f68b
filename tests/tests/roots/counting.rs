//! What roots hold in memory of their own is counted while they live, and not any longer.

use std::{sync::mpsc, thread};

use gc_core::{Collect, Heap, Root};

type Page = Root<[u8; 4096]>;

/// The owner needs slots, and takes those of the roots that were dropped elsewhere, with no pause between.
#[test]
fn boxed_values_that_were_dropped_elsewhere_are_not_counted_for_ever() {
    let heap = Heap::builder().hard_limit(64 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let (send, receive) = mpsc::channel::<Vec<Page>>();
    let (dropped, wait) = mpsc::channel();
    let dropper = thread::spawn(move || {
        for pages in receive {
            drop(pages);
            dropped.send(()).unwrap();
        }
    });
    for _ in 0..100 {
        send.send((0..100).map(|_| m.root([0_u8; 4096])).collect()).unwrap();
        m.blocked(|| wait.recv().unwrap());
    }
    drop(send);
    m.blocked(|| dropper.join().unwrap());
    m.collect(Collect::Promote);
    let side = heap.memory_report().side;
    assert!(side < 1 << 20, "{side} bytes are counted, and no root is left");
}
