//! The thread-locals that code of the program leaves on a heap's threads: their destructors are code of the program too, for which nothing
//! waits.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use gc_core::{Collect, Level};
use gc_tests::{
    Tested,
    heaps::{TIMEOUT, calm, wait_until},
    runs::Runs,
};
use parking_lot::Mutex;

use super::{Gate, Waits};

thread_local! {
    static LOCAL: RefCell<Option<Waits>> = const { RefCell::new(None) };
}

/// Opens a gate at the end of a test, also if that fails: before its heap is dropped, which may wait for that.
struct Opens<'a>(&'a Gate);

impl Drop for Opens<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// It waited for ever: everything is dropped, no destructor of a value runs, and nothing tells of the thread-local.
#[test]
fn the_end_waits_for_no_thread_local_that_hangs() -> Tested {
    for hook in [false, true] {
        let gate = Gate::default();
        let _opens = Opens(&gate);
        let hooks = Mutex::new(hook.then(|| gate.waits()));
        let heap = calm()
            .slow_destructor(Duration::MAX)
            .on_event(Level::Debug, move |_| {
                if let Some(waits) = hooks.lock().take() {
                    LOCAL.set(Some(waits));
                }
            })
            .build()?;
        let mut m = heap.attach()?;
        let waits = (!hook).then(|| gate.waits());
        m.alloc(Runs::new(move || LOCAL.set(waits)));
        m.collect(Collect::Full);
        m.drain_drops(TIMEOUT)?;
        drop(m);
        let end = thread::spawn(move || drop(heap));
        wait_until("the heap has ended", || end.is_finished());
        end.join().expect("no panic");
        wait_until("the thread ends", || gate.waiting() == 1);
    }
    Ok(())
}

/// The background thread joined a thread that had left, and did not look at slow destructors meanwhile.
#[test]
fn a_thread_local_that_hangs_holds_up_no_destructor() -> Tested {
    let (locals, first, slow) = (Gate::default(), Gate::default(), Gate::default());
    let ran = Arc::new(AtomicUsize::new(0));
    let counts = || {
        let ran = ran.clone();
        Runs::new(move || {
            ran.fetch_add(1, Ordering::Relaxed);
        })
    };
    let heap = calm().slow_destructor(Duration::from_millis(5)).on_event(Level::Warning, |_| {}).build()?;
    let mut m = heap.attach()?;
    let _opens = [Opens(&locals), Opens(&first), Opens(&slow)];
    // The first thread is held up, so that there is a second one, and one of them leaves with a thread-local.
    for (waits, counts) in [(Some(first.waits()), None), (None, Some(counts()))] {
        let local = locals.waits();
        m.alloc(Runs::new(move || {
            LOCAL.set(Some(local));
            drop((waits, counts));
        }));
    }
    m.collect(Collect::Full);
    m.blocked(|| wait_until("there is a second thread", || ran.load(Ordering::Relaxed) == 1));
    first.open();
    m.drain_drops(TIMEOUT)?;
    m.blocked(|| wait_until("one of them leaves", || locals.waiting() >= 1));
    // One after the other is slow: that the last one is dropped needs further threads.
    for _ in 0..3 {
        m.alloc(slow.waits());
    }
    m.alloc(counts());
    m.collect(Collect::Full);
    m.blocked(|| wait_until("what is behind slow destructors is dropped", || ran.load(Ordering::Relaxed) == 2));
    slow.open();
    m.drain_drops(TIMEOUT)?;
    Ok(())
}
