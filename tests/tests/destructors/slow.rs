//! Destructors that are slower than allocation: what waits for them is told, counts towards the limit, and is not lost.

use std::sync::{Arc, mpsc};

use gc_core::{Event, Level, Trace};
use gc_tests::heaps::{calm, settle, wait_until};
use parking_lot::Mutex;

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
