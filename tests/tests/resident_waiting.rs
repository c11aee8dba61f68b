//! Threads that wait as they should, and threads that come and go, use memory by what lives. Alone in its process: its resident
//! memory is measured.

#![forbid(unsafe_code)]
use std::{sync::mpsc, thread};

use gc_core::{Heap, blocking};
use gc_tests::{process::resident_bytes, sizes::scaled};

/// No safepoint but those of `blocked`: 1.2 GB of garbage stayed in memory.
fn messages() {
    let heap = Heap::builder().build().unwrap();
    let (send, receive) = mpsc::sync_channel::<u64>(100);
    let there = heap.clone();
    let worker = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        let mut sum = 0;
        while let Ok(n) = blocking::recv(&mut m, &receive) {
            sum += m.alloc_slice_with(1000, |i| i as u64 + n)[7];
        }
        sum
    });
    for n in 0..scaled(150_000) as u64 {
        send.send(n).unwrap();
    }
    drop(send);
    worker.join().unwrap();
    assert!(heap.stats().collections.total() > 0);
    assert!(heap.stats().memory_peak < 64 << 20, "{} MiB", heap.stats().memory_peak >> 20);
}

/// Each request has a thread of its own, which makes 1 KB and ends: each took a chunk, which nothing ever collected.
fn requests() {
    let heap = Heap::builder().build().unwrap();
    for _ in 0..scaled(40_000) / 8 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| heap.attach().unwrap().alloc([0_u64; 128])[3]);
            }
        });
    }
    assert!(heap.stats().collections.total() > 0);
    assert!(heap.stats().memory_peak < 64 << 20, "{} MiB", heap.stats().memory_peak >> 20);
}

#[test]
fn what_waits_and_what_comes_and_goes_takes_memory_by_what_lives() {
    let before = resident_bytes();
    messages();
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "messages: grown by {} MiB", grown >> 20);
    requests();
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "requests: grown by {} MiB", grown >> 20);
}
