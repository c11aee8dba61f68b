//! A steady window of large objects finds the pages that others have left, and what a burst of them took goes back to the system.
//! Alone in its process: its page faults and its resident memory are measured.

#![forbid(unsafe_code)]

use gc_core::{Collect, Mutator, Root, Slot};
use gc_tests::{
    heaps::{calm, settle},
    process::{anonymous_bytes, assert_backed, page_faults},
};

type Window = Root<gc_core::Gc<'static, [Slot<'static, [u8]>]>>;

const BYTES: usize = 32 << 20;
const NURSERY: usize = 4 << 20;
const ROUNDS: usize = 50;

/// Pushes objects of these sizes in turn, `rounds` times as many as the window has.
fn push(m: &mut Mutator, window: &Window, sizes: &[usize], rounds: usize) {
    let len = window.get(m).len();
    let source = vec![1_u8; 128 << 10];
    for n in 0..len * rounds {
        let new = m.alloc_slice_copy(&source[..sizes[n % sizes.len()]]);
        window.get(m)[n % len].set(m, Some(new));
        m.safepoint();
    }
}

fn window(m: &Mutator, len: usize) -> Window {
    m.root(m.alloc_slice_with(len, |_| Slot::<[u8]>::null()))
}

/// The program pushes until some cycles have ended with the window full: what was in use at a time is kept from then on.
fn faults_of_a_window(sizes: &[usize]) -> f64 {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    let window = window(&m, BYTES / mean);
    push(&mut m, &window, sizes, 30);
    let (before, cycles) = (page_faults(), heap.stats().collections.full);
    push(&mut m, &window, sizes, ROUNDS);
    let faults = page_faults() - before;
    let cycles = heap.stats().collections.full - cycles;
    assert!(cycles >= 4, "{cycles} cycles, each of which may give memory back");
    faults as f64 / (ROUNDS * (BYTES / mean)) as f64
}

#[test]
fn a_window_of_large_objects_finds_pages_and_a_burst_of_them_goes_back() {
    for size in [16 << 10, 60 << 10] {
        let (faults, pages) = (faults_of_a_window(&[size]), size as f64 / 4096.0);
        println!("{faults:.3} page faults for an object of {size} bytes");
        // One object in twenty, at most, finds its pages given back. Each cycle takes some faults for tables and lists.
        assert!(faults < pages / 20.0, "{faults} page faults for an object of {pages} pages");
    }
    let before = anonymous_bytes();
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = window(&m, BYTES / (16 << 10));
    push(&mut m, &kept, &[16 << 10], 1);
    let burst = window(&m, 5000);
    push(&mut m, &burst, &[60 << 10, 10_000, 100_000], 1);
    drop(burst);
    m.collect(Collect::Full);
    settle(&heap);
    let live = heap.memory_report().live;
    let report = || format!("{live} live, {:?}", heap.memory_report());
    assert_backed(before, 2 * live + 4 * NURSERY, &report());
    // What is in use less now may be again, for some cycles.
    for _ in 0..5 {
        m.collect(Collect::Full);
    }
    assert_backed(before, live + live / 4 + 3 * NURSERY, &report());
    drop(kept);
}
