//! Requests are answered once: a heap on which nothing happens collects no more, whatever was due when it fell quiet.

use std::{sync::mpsc, thread, time::Duration};

use gc_core::{Collect, Gc, Heap, Mutator, Thresholds, blocking};
use gc_tests::heaps::{calm, settle, wait_until};

fn collections(heap: &Heap) -> u64 {
    heap.stats().collections.total()
}

/// Waits until what is due is done, and nothing was done for a while. On a busy machine a thread may take a while to do what is due.
fn falls_quiet(what: &str, heap: &Heap) {
    wait_until(what, || {
        let before = collections(heap);
        thread::sleep(Duration::from_millis(500));
        collections(heap) == before
    });
}

#[test]
fn a_heap_whose_threads_are_blocked_falls_quiet() {
    let heap = calm().growth_free().build().unwrap();
    let (end, ends) = crossbeam_channel::bounded::<()>(0);
    let (ready, all_ready) = mpsc::channel();
    let waiting: Vec<_> = (0..20)
        .map(|n| {
            let (heap, ready, ends) = (heap.clone(), ready.clone(), ends.clone());
            thread::spawn(move || {
                let mut m = heap.attach().unwrap();
                let kept = m.root(m.alloc_slice_with(10_000, |i| i as u64 + n));
                ready.send(()).unwrap();
                let _ = blocking::crossbeam::recv(&mut m, &ends);
                assert_eq!(kept.get(&m)[7], 7 + n);
            })
        })
        .collect();
    waiting.iter().for_each(|_| all_ready.recv().unwrap());
    falls_quiet("with what lives", &heap);
    let held = heap.external_bytes(3 << 30);
    falls_quiet("with three gigabytes elsewhere, which live", &heap);
    heap.set_soft_limit(Some(1));
    let also = heap.external_bytes(1);
    falls_quiet("far over the soft limit", &heap);
    drop((held, also, end));
    waiting.into_iter().for_each(|waits| waits.join().unwrap());
}

trait GrowthFree {
    fn growth_free(self) -> Self;
}

impl GrowthFree for gc_core::HeapBuilder {
    /// The least growth that settings allow, so that as much as possible is due.
    fn growth_free(self) -> Self {
        self.thresholds(Thresholds { nursery_bytes: 256 << 10, growth_floor: 1 << 20, ..Thresholds::default() })
    }
}

/// Holds so much that allocations are refused, and waits.
#[test]
fn a_heap_that_is_full_falls_quiet() {
    for auto in [true, false] {
        let heap = calm().hard_limit(20 << 20).auto(auto).build().unwrap();
        let fill = |m: &mut Mutator| {
            let mut kept = m.root(Vec::<Gc<[u8; 4096]>>::new());
            while let Ok(page) = m.try_alloc([0; 4096]) {
                kept.get_mut(m).push(page);
                if kept.borrow(m).len().is_multiple_of(50) {
                    m.collect(Collect::Promote);
                }
            }
            kept
        };
        let mut m = heap.attach().unwrap();
        let kept = fill(&mut m);
        assert!(m.try_alloc([0_u8; 4096]).is_err());
        m.blocked(|| falls_quiet("refused, and blocked", &heap));
        assert!(m.try_alloc_slice_with(1 << 22, |_| 0_u64).is_err());
        drop(m);
        falls_quiet("refused, and gone", &heap);
        let there = heap.clone();
        let leaks = thread::spawn(move || {
            let m = there.attach().unwrap();
            assert!(m.try_alloc_slice_with(1 << 22, |_| 0_u64).is_err());
            std::mem::forget(m); // it runs for ever, so whatever is due is never done
        });
        leaks.join().unwrap();
        let before = collections(&heap);
        let held = thread::spawn({
            let heap = heap.clone();
            move || heap.external_bytes(3 << 30)
        });
        thread::sleep(Duration::from_millis(300));
        assert_eq!(collections(&heap), before);
        drop((held.join(), kept));
    }
}

/// As many requests as threads: each is answered by the same collection.
#[test]
fn many_who_find_the_same_thing_due_collect_once_for_it() {
    let heap = calm().nursery_bytes(1 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let bytes = 64_usize << 20;
    blocking::scope(&mut m, |scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                for n in 0..bytes / 8 / 256 {
                    m.alloc([n; 31]);
                    if n % 16 == 0 {
                        m.blocked(|| ());
                    }
                }
            });
        }
    });
    settle(&heap);
    // A nursery of 1 MiB each for up to twice the cores; at the least one, of which a quarter may be used.
    assert!(collections(&heap) <= 64 * 4 + 8, "{} for 64 MiB", collections(&heap));
}

/// Mutators that end all at once, by panics in and out of `blocked`, with something due.
#[test]
fn requests_of_those_who_unwind_and_detach_at_once_are_answered() {
    let heap = calm().nursery_bytes(256 << 10).build().unwrap();
    for _ in 0..40 {
        thread::scope(|scope| {
            for n in 0..6 {
                let heap = &heap;
                scope.spawn(move || {
                    let unwinds = std::panic::catch_unwind(|| {
                        let mut m = heap.attach().unwrap();
                        while !m.safepoint_pending() {
                            m.alloc([n; 60]);
                        }
                        if n % 2 == 0 {
                            m.blocked(|| std::panic::resume_unwind(Box::new(n)));
                        }
                        std::panic::resume_unwind(Box::new(m.safepoint_pending()));
                    });
                    assert!(unwinds.is_err());
                });
            }
        });
    }
    falls_quiet("all have gone", &heap);
    assert!(heap.stats().memory_peak < 32 << 20, "{:?}", heap.stats());
    let m = heap.attach().unwrap();
    assert!(!m.safepoint_pending(), "nothing is due");
}
