//! The end of a heap: what the thread waits for that lets go of it as the last.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use gc_core::{Collect, Event, Heap, HeapBuilder, Level};
use gc_tests::{
    Tested,
    heaps::{calm, wait_until},
    ledger::Ledger,
    runs::Runs,
};
use parking_lot::Mutex;

use super::Gate;

/// It waited for ever: the destructor wanted the lock, and the thread that had it waited for the destructor.
#[test]
fn the_last_of_a_heap_may_be_dropped_under_a_lock_that_a_destructor_wants() -> Tested {
    let settings: [fn(HeapBuilder) -> HeapBuilder; 3] =
        [|heap| heap, |heap| heap.slow_destructor(Duration::from_millis(1)), |heap| heap.end_waits(false)];
    for set in settings {
        for last in ["handle", "mutator", "root", "root of a value"] {
            let heap: Heap = set(calm()).build()?;
            let lock = Arc::new(Mutex::new(0));
            let m = heap.attach()?;
            for _ in 0..10 {
                let theirs = lock.clone();
                m.alloc(Runs::new(move || *theirs.lock() += 1));
            }
            let mut made = 10;
            let held = lock.lock();
            match last {
                "handle" => {
                    drop(m);
                    drop(heap);
                }
                "mutator" => {
                    drop(heap);
                    drop(m);
                }
                "root" => {
                    let root = m.root(m.alloc(1_u64));
                    drop((m, heap));
                    drop(root);
                }
                _ => {
                    let theirs = lock.clone();
                    let root = m.root((Runs::new(move || *theirs.lock() += 1), [0_u64; 8]));
                    made += 1;
                    drop((m, heap));
                    drop(root);
                }
            }
            assert_eq!(*held, 0);
            drop(held);
            wait_until(last, || *lock.lock() == made);
        }
    }
    Ok(())
}

/// By default everything is dropped when the last handle has been, as long as destructors get on: they need not be fast together.
#[test]
fn the_end_waits_for_destructors_that_get_on() -> Tested {
    let heap = calm().slow_destructor(Duration::MAX).build()?;
    let ledger = Ledger::default();
    let gate = Gate::default();
    let m = heap.attach()?;
    for _ in 0..100 {
        m.alloc((ledger.token(), gate.waits()));
    }
    drop(m);
    let opens = gate.clone();
    let opener = thread::spawn(move || {
        wait_until("the end drops", || opens.waiting() == 1);
        opens.open();
    });
    drop(heap);
    ledger.assert_all_once();
    assert_eq!(gate.passed(), 100);
    opener.join().expect("no panic");
    Ok(())
}

/// A heap that nobody waits for ends all the same, with its threads and what it holds.
#[test]
fn a_heap_that_nobody_waits_for_ends() -> Tested {
    let ledger = Ledger::default();
    for _ in 0..20 {
        let heap = calm().end_waits(false).build()?;
        let m = heap.attach()?;
        for _ in 0..100 {
            m.alloc(ledger.token());
        }
    }
    wait_until("all are dropped", || ledger.dropped() == 2000);
    ledger.assert_all_once();
    Ok(())
}

/// The event hook is called on the thread that the end waits for, and may want the same lock.
#[test]
fn the_last_handle_may_be_dropped_under_a_lock_that_the_event_hook_wants() -> Tested {
    let lock = Arc::new(Mutex::new(0));
    let (theirs, entered) = (lock.clone(), Arc::new(AtomicUsize::new(0)));
    let told = entered.clone();
    let heap = calm()
        .slow_destructor(Duration::from_millis(1))
        .on_event(Level::Debug, move |_| {
            told.fetch_add(1, Ordering::Relaxed);
            *theirs.lock() += 1;
        })
        .build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    m.alloc(ledger.token());
    let held = lock.lock();
    m.collect(Collect::Young);
    wait_until("the hook waits", || entered.load(Ordering::Relaxed) == 1);
    drop((m, heap));
    assert_eq!(*held, 0);
    drop(held);
    wait_until("the heap has ended", || *lock.lock() >= 1 && ledger.dropped() == 1);
    Ok(())
}

/// A destructor may leave something in a thread-local of its thread, which wants the lock when that thread ends.
#[test]
fn the_last_handle_may_be_dropped_under_a_lock_that_a_thread_local_wants() -> Tested {
    struct Locks(Arc<Mutex<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock() += 1;
        }
    }
    thread_local! { static LEFT: RefCell<Vec<Locks>> = const { RefCell::new(Vec::new()) }; }
    for slow in [Duration::from_millis(1), Duration::from_secs(1)] {
        let heap = calm().slow_destructor(slow).build()?;
        let lock = Arc::new(Mutex::new(0));
        let theirs = Locks(lock.clone());
        let m = heap.attach()?;
        m.alloc(Runs::new(move || LEFT.with_borrow_mut(|left| left.push(theirs))));
        drop(m);
        let held = lock.lock();
        drop(heap);
        assert_eq!(*held, 0);
        drop(held);
        wait_until("the thread has ended", || *lock.lock() == 1);
    }
    Ok(())
}

/// It told of nothing until all were dropped: a destructor that waits for what an event makes happen waited for ever.
#[test]
fn events_are_told_while_the_heap_ends() -> Tested {
    let gate = Gate::default();
    let opens = gate.clone();
    let heap = calm()
        .slow_destructor(Duration::MAX)
        .end_waits(false)
        .on_event(Level::Warning, move |event| {
            if matches!(event, Event::DestructorPanicked { .. }) {
                opens.open();
            }
        })
        .build()?;
    let m = heap.attach()?;
    // In whatever order they are dropped, one panics first.
    let panics = || Runs::new(|| std::panic::resume_unwind(Box::new(())));
    m.alloc(panics());
    m.alloc(gate.waits());
    m.alloc(panics());
    drop((m, heap));
    wait_until("the panic is told, and the other one goes on", || gate.passed() == 1);
    Ok(())
}
