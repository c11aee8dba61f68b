//! The place of a thread's last safepoint is the program's own line, whichever way it blocked.

use std::{
    sync::{Barrier, Condvar, Mutex, RwLock, mpsc},
    thread,
    time::Duration,
};

use gc_core::{Collect, Event, Heap, Level, Mutator, blocking};
use gc_tests::heaps::{TIMEOUT, calm};

/// The place that a warning about this thread names after `last`, which returns the line that it is called in.
fn told(last: impl FnOnce(&mut Mutator, &Heap) -> u32) {
    let (send, events) = mpsc::channel();
    let send = Mutex::new(send);
    let heap = calm()
        .late_after(Duration::from_millis(1))
        .on_event(Level::Warning, move |event| {
            if let Event::Late { last_safepoint, .. } = event {
                let _ = send.lock().unwrap().send(*last_safepoint);
            }
        })
        .build()
        .unwrap();
    let (go, gone) = mpsc::channel();
    let (here, is_here) = mpsc::channel();
    let there = heap.clone();
    let other = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        m.blocked(|| {
            here.send(()).unwrap();
            gone.recv().unwrap();
        });
        m.collect(Collect::Young);
    });
    // This thread attaches last, and the other one is blocked: neither is late before the other one collects.
    is_here.recv().unwrap();
    let mut m = heap.attach().unwrap();
    let line = last(&mut m, &heap);
    go.send(()).unwrap();
    let place = events.recv_timeout(TIMEOUT).unwrap().expect("it was at a safepoint");
    assert!(place.file().ends_with("places.rs"), "{place}");
    assert_eq!(place.line(), line, "{place}");
    blocking::join(&mut m, other).unwrap();
}

macro_rules! here {
    ($call:expr) => {{
        let _ = $call;
        line!()
    }};
}

#[test]
fn places_are_the_programs() {
    told(|m, _| here!(m.blocked(|| ())));
    told(|m, _| here!(blocking::sleep(m, Duration::ZERO)));
    told(|m, _| here!(blocking::scope(m, |_| ())));
    told(|m, _| here!(blocking::join(m, thread::spawn(|| ()))));
    told(|m, _| here!(blocking::barrier(m, &Barrier::new(1))));
    told(|m, _| here!(blocking::read(m, &RwLock::new(())).is_ok()));
    told(|m, _| here!(blocking::write(m, &RwLock::new(())).is_ok()));
    told(|m, _| {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        let guard = mutex.lock().unwrap();
        here!(blocking::wait_timeout(m, &condvar, guard, Duration::ZERO).is_ok())
    });
    told(|m, _| {
        let (send, receive) = mpsc::sync_channel(1);
        blocking::send(m, &send, 1).unwrap();
        here!(blocking::recv(m, &receive))
    });
    told(|m, _| here!(m.collect(Collect::Young)));
}
