//! Destructors that are slower than allocation: what waits for them is told, counts towards the limit, and is not lost.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use gc_core::{Collect, Event, Level, Trace};
use gc_tests::heaps::{TIMEOUT, calm, settle, wait_until};
use parking_lot::Mutex;

use super::Gate;

/// Its destructor waits for a gate.
#[derive(Trace)]
#[trace(leaf)]
struct Slow {
    gate: Arc<Mutex<u64>>,
    _bytes: [u8; 1000],
}

impl Drop for Slow {
    fn drop(&mut self) {
        *self.gate.lock() += 1;
    }
}

#[test]
fn what_waits_to_be_dropped_is_told_and_bounded_by_the_hard_limit() {
    const LIMIT: usize = 64 << 20;
    let (send, told) = mpsc::channel();
    let heap = calm()
        .hard_limit(LIMIT)
        .nursery_bytes(1 << 20)
        .on_event(Level::Warning, move |event| {
            if let Event::DestructorsBehind { values, bytes, .. } = event {
                send.send((*values, *bytes)).unwrap();
            }
        })
        .build()
        .unwrap();
    let mut m = heap.attach().unwrap();
    let gate = Arc::new(Mutex::new(0));
    let mut allocated = 0;
    let closed = gate.lock();
    // The value that is refused would wait for the gate too.
    let refused = loop {
        if let Err(refused) = m.try_alloc(Slow { gate: gate.clone(), _bytes: [0; 1000] }) {
            break refused.into_value();
        }
        allocated += 1;
        m.safepoint();
        // What is dead is moved out whatever the limit says; from a quarter over it on, allocations fail.
        assert!(heap.stats().memory_bytes <= LIMIT / 4 * 5 + (4 << 20));
        assert!(allocated < LIMIT as u64 / 500, "the limit bounds what waits");
    };
    drop(closed);
    drop(refused);
    let (values, bytes) = told.recv().unwrap();
    assert!(bytes > 16 << 20 && values as u64 <= allocated, "{values} values in {bytes} bytes");
    settle(&heap);
    m.safepoint();
    assert!(m.try_alloc(Slow { gate: gate.clone(), _bytes: [0; 1000] }).is_ok());
    assert!(told.try_recv().is_err(), "told once");
    drop(m);
    drop(heap);
    wait_until("all are dropped", || *gate.lock() == allocated + 2);
}

/// Values that take no memory in the heap, such as those of roots, are told by their number.
#[test]
fn many_values_that_wait_are_told() {
    let (send, told) = mpsc::channel();
    let heap = calm()
        .on_event(Level::Warning, move |event| {
            if let Event::DestructorsBehind { values, bytes, .. } = event {
                send.send((*values, *bytes)).unwrap();
            }
        })
        .slow_destructor(TIMEOUT)
        .build()
        .unwrap();
    let gate = Gate::default();
    let mut m = heap.attach().unwrap();
    m.alloc(gate.waits());
    m.collect(Collect::Young);
    let text = String::new();
    let roots: Vec<_> = (0..1 << 20).map(|_| m.root(text.clone())).collect();
    m.blocked(|| thread::spawn(move || drop(roots)).join().unwrap());
    m.collect(Collect::Young);
    let (values, bytes) = m.blocked(|| told.recv().unwrap());
    assert!(values == (1 << 20) + 1 && bytes < 16 << 20, "{values} values in {bytes} bytes");
    gate.open();
    m.drain_drops(TIMEOUT).unwrap();
    assert_eq!((heap.stats().drops_pending, heap.stats().drops_run), (0, values as u64));
}
