//! Destructors run while the program does: a collection runs none on its caller's thread, and waits for none.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use gc_core::{AttachError, Collect, EnterError, Level};
use gc_tests::{
    Tested,
    heaps::{TIMEOUT, calm, checked, wait_until},
    ledger::Ledger,
    runs::Runs,
};
use parking_lot::Mutex;

use super::Gate;

/// It waited for ever: `collect` waited for the destructor, and the destructor for the lock.
#[test]
fn a_collection_with_a_lock_held_that_a_destructor_wants_returns() -> Tested {
    let heap = checked().build()?;
    let lock = Arc::new(Mutex::new(0));
    let mut m = heap.attach()?;
    for generation in [Collect::Young, Collect::Promote, Collect::Full, Collect::Full] {
        let held = lock.lock();
        let theirs = lock.clone();
        m.alloc(Runs::new(move || *theirs.lock() += 1));
        if generation == Collect::Full {
            m.compact();
        } else {
            m.collect(generation);
        }
        assert_eq!(heap.stats().drops_pending, 1);
        drop(held);
        m.drain_drops(TIMEOUT)?;
    }
    assert_eq!(*lock.lock(), 4);
    Ok(())
}

/// The same without a lock: what the destructor waits for is what the thread does after it has collected.
#[test]
fn a_destructor_may_wait_for_what_its_collecting_thread_sends_later() -> Tested {
    let heap = calm().build()?;
    let mut m = heap.attach()?;
    let (send, receive) = mpsc::channel();
    let (done, is_done) = mpsc::channel();
    let receive = Mutex::new(receive);
    m.alloc(Runs::new(move || done.send(receive.lock().recv()).expect("somebody waits")));
    m.collect(Collect::Full);
    send.send(7)?;
    assert_eq!(is_done.recv_timeout(TIMEOUT)??, 7);
    m.drain_drops(TIMEOUT)?;
    Ok(())
}

#[test]
fn no_destructor_runs_on_the_thread_that_collects_or_drains() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let ran = Arc::new(Mutex::new(Vec::new()));
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        for _ in 0..100 {
            let ran = ran.clone();
            m.alloc(Runs::new(move || ran.lock().push(thread::current().id())));
        }
        m.collect(generation);
        m.drain_drops(TIMEOUT)?;
    }
    let ran = ran.lock();
    assert!(ran.len() == 300 && !ran.contains(&thread::current().id()));
    Ok(())
}

/// A destructor collects its heap, by a thread that may, and allocates in another one; neither can be entered on its own thread.
#[test]
fn a_destructor_collects_and_allocates_elsewhere() -> Tested {
    let (heap, other) = (checked().build()?, checked().build()?);
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    let refused = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..20 {
        let (heap, other, token, refused) = (heap.clone(), other.clone(), ledger.token(), refused.clone());
        m.alloc(Runs::new(move || {
            refused.lock().push((heap.attach().err(), other.with(|m| *m.alloc(1)).err()));
            let thread = other.spawn(move |m| m.alloc(token).number()).expect("a thread");
            heap.spawn(|m| m.collect(Collect::Full)).expect("a thread").join().expect("no panic");
            thread.join().expect("no panic");
        }));
    }
    m.collect(Collect::Full);
    m.drain_drops(TIMEOUT)?;
    drop(m);
    let mut m = other.attach()?;
    m.collect(Collect::Full);
    m.drain_drops(TIMEOUT)?;
    ledger.assert_all_once();
    let expected = (Some(AttachError::CollectorThread), Some(EnterError::CollectorThread));
    assert_eq!(*refused.lock(), vec![expected; 20]);
    Ok(())
}

/// The thread that calls the event hook starts those that run destructors, and none ran while the hook waited.
#[test]
fn destructors_run_while_the_event_hook_waits() -> Tested {
    let (gate, ledger) = (Gate::default(), Ledger::default());
    let hooks = gate.clone();
    let heap = calm().on_event(Level::Debug, move |_| drop(hooks.waits())).build()?;
    let mut m = heap.attach()?;
    m.collect(Collect::Young);
    m.blocked(|| wait_until("the hook waits", || gate.waiting() == 1));
    m.alloc(ledger.token());
    m.collect(Collect::Full);
    let drained = m.drain_drops(TIMEOUT);
    gate.open();
    drained?;
    ledger.assert_all_once();
    Ok(())
}
