//! A heap in which nothing happens is collected once more, whatever its threads do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use gc_core::{Cause, Collect, Event, Heap, HeapBuilder, Level, Step};
use gc_tests::heaps::{TIMEOUT, calm, wait_until};
use parking_lot::Mutex;

/// What was collected because the heap is idle: what, in which step if in a pause, or what was reported as a warning.
type Told = Arc<Mutex<Vec<Result<(Collect, Option<Step>), String>>>>;

fn idle_soon(told: &Told) -> HeapBuilder {
    let told = told.clone();
    calm().idle_after(Duration::from_millis(20)).on_event(Level::Debug, move |event| match event {
        Event::Pause { cause: Cause::Idle, collected, step, .. } => told.lock().push(Ok((*collected, Some(*step)))),
        Event::FullCollection { cause: Cause::Idle, .. } => told.lock().push(Ok((Collect::Full, None))),
        Event::Pause { .. } | Event::FullCollection { .. } => {}
        other => told.lock().push(Err(other.to_string())),
    })
}

fn is_idle_collected(told: &Told) -> bool {
    told.lock().iter().any(Result::is_ok)
}

#[test]
fn an_idle_heap_is_collected_beside_threads_that_are_blocked() {
    let told = Told::default();
    let heap = idle_soon(&told).build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = m.root(m.alloc_str("kept"));
    for n in 0..1000 {
        m.alloc([n; 10]);
    }
    m.blocked(|| wait_until("the heap is idle", || is_idle_collected(&told)));
    assert_eq!(&*kept.get(&m), "kept");
    assert!(told.lock().iter().all(Result::is_ok), "{told:?}");
    // It is, too, when the last mutator has gone.
    told.lock().clear();
    m.alloc([0; 10_000]);
    drop(m);
    wait_until("the heap is idle again", || is_idle_collected(&told));
}

/// No thread waits for it, and none is told that it is late.
#[test]
fn a_mutator_that_runs_collects_at_its_next_safepoint() {
    let told = Told::default();
    // A thread that is ready to run may wait for a core for longer than the usual second.
    let heap = idle_soon(&told).late_after(TIMEOUT).build().unwrap();
    let (done, polls) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        // This one reaches a safepoint all the time.
        scope.spawn(|| {
            let mut m = heap.attach().unwrap();
            while !done.load(Ordering::Relaxed) {
                m.safepoint();
                polls.fetch_add(1, Ordering::Relaxed);
                thread::yield_now();
            }
        });
        let mut m = heap.attach().unwrap();
        m.blocked(|| wait_until("the other one runs", || polls.load(Ordering::Relaxed) > 0));
        for round in 1..4 {
            told.lock().clear();
            m.alloc([0; 10_000]);
            // This one runs without a safepoint, and the other one goes on.
            wait_until("the poll is raised", || m.safepoint_pending());
            let before = polls.load(Ordering::Relaxed);
            wait_until("the other one goes on", || polls.load(Ordering::Relaxed) > before + 1000);
            // Marking may have begun, and may have ended, when this one goes on.
            while !is_idle_collected(&told) {
                m.safepoint();
                m.blocked(thread::yield_now);
            }
            let before = polls.load(Ordering::Relaxed);
            wait_until("the other one goes on", || polls.load(Ordering::Relaxed) > before + 1000);
            m.blocked(|| wait_until("the cycle ends", || heap.stats().collections.full == round));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(told.lock().iter().all(Result::is_ok), "{told:?}");
}

/// It looks again as soon as it may.
#[test]
fn a_heap_that_is_not_collected_by_itself_is_not_idle() {
    let told = Told::default();
    let heap = idle_soon(&told).auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    m.alloc([0; 1000]);
    m.blocked(|| thread::sleep(Duration::from_millis(200)));
    assert_eq!(heap.stats().collections.total(), 0);
    heap.set_auto(true);
    m.blocked(|| wait_until("the heap is idle", || is_idle_collected(&told)));
}

/// The end of a heap does not wait for the next look.
#[test]
fn a_heap_that_waits_to_be_idle_ends_at_once() {
    let heap = calm().idle_after(TIMEOUT * 2).build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(1);
    drop(m);
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        drop(heap);
        done.send(()).unwrap();
    });
    is_done.recv_timeout(TIMEOUT).unwrap();
}

#[test]
fn a_time_that_is_too_short_is_refused() {
    let error = Heap::builder().idle_after(Duration::ZERO).build().unwrap_err();
    assert!(error.to_string().starts_with("idle_after: expected at least 1ms, found 0ns: "), "{error}");
}
