//! A heap that nobody uses costs no processor time. Alone in its process: its time is measured.

#![forbid(unsafe_code)]

use std::{thread, time::Duration};

use gc_core::Collect;
use gc_tests::heaps::{calm, settle, wait_until};

#[test]
fn an_idle_heap_does_nothing() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept: Vec<_> = (0..100_000_u64).map(|n| m.root(m.alloc(n))).collect();
    m.collect(Collect::Full);
    settle(&heap);
    // What gives memory back may still be at it, for a while.
    wait_until("the heap is idle", || {
        let before = processor_ticks();
        thread::sleep(Duration::from_millis(300));
        processor_ticks() - before <= 1
    });
    drop(kept);
    drop(m);
}

/// Hundredths of a second that all threads of this process have used.
fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
