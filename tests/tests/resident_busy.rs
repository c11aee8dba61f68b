//! A steady window of large objects finds the pages that others have left, also where the heap's threads wait for a core.
//! Alone in its process: its page faults are measured. The threads that keep the cores busy make none.

#![forbid(unsafe_code)]

use std::{
    hint,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use gc_core::{Heap, Mutator, Root, Slot};
use gc_tests::{heaps::calm, process::page_faults};

type Window = Root<gc_core::Gc<'static, [Slot<'static, [u8]>]>>;

const BYTES: usize = 32 << 20;
const WARM: usize = 30;
const ROUNDS: usize = 60;

/// Pushes so many times as many objects as the window has.
fn push(m: &mut Mutator, window: &Window, source: &[u8], rounds: usize) {
    let len = window.get(m).len();
    for n in 0..len * rounds {
        let new = m.alloc_slice_copy(source);
        window.get(m)[n % len].set(m, Some(new));
        m.safepoint();
    }
}

/// Returns the page faults for an object, and the number of major cycles.
fn faults_of_a_window(size: usize) -> (f64, u64) {
    let heap: Heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (len, source) = (BYTES / size, vec![1; size]);
    let window = m.root(m.alloc_slice_with(len, |_| Slot::<[u8]>::null()));
    push(&mut m, &window, &source, WARM);
    let (before, cycles) = (page_faults(), heap.stats().collections.full);
    push(&mut m, &window, &source, ROUNDS);
    let (faults, cycles) = (page_faults() - before, heap.stats().collections.full - cycles);
    (faults as f64 / (ROUNDS * len) as f64, cycles)
}

#[test]
fn a_window_of_large_objects_takes_few_page_faults_on_a_busy_machine() {
    let (done, cores) = (AtomicBool::new(false), thread::available_parallelism().map_or(2, usize::from));
    thread::scope(|scope| {
        for _ in 0..2 * cores {
            scope.spawn(|| {
                // Relaxed: a hint to end.
                while !done.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
        }
        let figures = [8 << 10, 16 << 10, 60 << 10].map(|size| (size, faults_of_a_window(size)));
        done.store(true, Ordering::Relaxed);
        for (size, (faults, cycles)) in figures {
            println!("{faults:.3} page faults for an object of {size} bytes, {cycles} major cycles");
            assert!(cycles > 10, "each cycle may give memory back");
            assert!(faults < 0.1, "{faults} page faults for an object of {size} bytes");
        }
    });
}
