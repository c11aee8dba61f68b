//! How often an idle heap is collected.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use gc_core::{Cause, Collect, Event, Heap, Level, Step};
use gc_tests::heaps::calm;
use parking_lot::Mutex;

/// The pauses of an idle heap.
type Told = Arc<Mutex<Vec<(Collect, Step)>>>;

fn told_heap(after: Duration) -> (Heap, Told) {
    let told = Told::default();
    let tell = told.clone();
    let heap = calm()
        .idle_after(after)
        .on_event(Level::Debug, move |event| {
            if let Event::Pause { cause: Cause::Idle, collected, step, .. } = event {
                tell.lock().push((*collected, *step));
            }
        })
        .build()
        .unwrap();
    (heap, told)
}

/// Each mutator that finds the heap SCATTERED, and then waits for the registry lock, leads a compaction of its own.
#[test]
fn an_idle_heap_is_compacted_once() {
    let (heap, told) = told_heap(Duration::from_millis(30));
    let stop = AtomicBool::new(false);
    let mut most = 0;
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                while !stop.load(Ordering::Relaxed) {
                    m.safepoint();
                    thread::yield_now();
                }
            });
        }
        let mut m = heap.attach().unwrap();
        for _ in 0..10 {
            let mut roots = Vec::new();
            for n in 0..20_000_u64 {
                roots.push(m.root(m.alloc([n; 8])));
                m.safepoint();
            }
            m.collect(Collect::Full);
            let mut index = 0;
            roots.retain(|_| {
                index += 1;
                index % 16 == 0
            });
            told.lock().clear();
            let compactions = || told.lock().iter().filter(|&&what| what == (Collect::Promote, Step::Whole)).count();
            m.blocked(|| {
                let deadline = Instant::now() + Duration::from_secs(1);
                while compactions() == 0 && Instant::now() < deadline {
                    thread::yield_now();
                }
                thread::sleep(Duration::from_millis(200));
            });
            most = most.max(compactions());
        }
        stop.store(true, Ordering::Relaxed);
    });
    // None, where threads that are ready to run wait for a core.
    assert!(most <= 1, "{most} compactions of one idle heap");
}
