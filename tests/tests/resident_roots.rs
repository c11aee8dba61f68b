//! Chunks of roots that are gone do not pile up behind a destructor that takes long. Alone in its process: its resident memory is
//! measured.

#![forbid(unsafe_code)]

use std::sync::{Mutex, mpsc};

use gc_core::{Heap, Leaf};
use gc_tests::process::resident_bytes;

/// A value whose destructor ends when the sender is gone.
struct Slow(mpsc::Receiver<()>, mpsc::Sender<()>);

impl Drop for Slow {
    fn drop(&mut self) {
        self.1.send(()).unwrap();
        let _ = self.0.recv();
    }
}

#[test]
fn chunks_without_roots_wait_for_no_destructor() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (hold, held) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    m.alloc(Leaf(Mutex::new(Slow(held, begun))));
    let mut before = 0;
    for round in 0..110 {
        let roots: Vec<_> = (0..100_000_u64).map(|n| m.root(n)).collect();
        drop(roots);
        let pauses = heap.stats().collections;
        while heap.stats().collections == pauses {
            m.alloc([0_u64; 100]);
            m.safepoint();
        }
        if round == 10 {
            m.blocked(|| begins.recv().unwrap());
            before = resident_bytes();
        }
    }
    let grown = resident_bytes().saturating_sub(before);
    drop(hold);
    assert!(grown < 16 << 20, "grown by {} MiB", grown >> 20);
}
