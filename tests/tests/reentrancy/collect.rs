//! `collect` runs destructors on a thread of its own, and waits for it.

use std::{
    cell::{Cell, RefCell},
    panic::{catch_unwind, panic_any},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use gc_core::{AttachError, Collect, Heap, Mutator, Root};
use gc_tests::{
    Tested,
    heaps::{calm, checked, settle, wait_until},
    ledger::{Ledger, Token},
    runs::Runs,
};
use parking_lot::Mutex;

/// A destructor that runs for a `collect` may not attach, and is told why; a thread that it starts and waits for may, and may collect: the
/// thread that called `collect` waits blocked.
#[test]
fn a_destructor_may_wait_for_a_thread_that_collects() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let ledger = Ledger::default();
    let found = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..8 {
        let (heap, token, found) = (heap.clone(), ledger.token(), found.clone());
        m.alloc(Runs::new(move || {
            let error = heap.attach().err();
            let inner = heap.clone();
            let collected = thread::spawn(move || {
                let mut m = inner.attach().expect("a free thread");
                m.alloc(token);
                m.collect(Collect::Full).collected
            });
            found.lock().push((error, collected.join().ok()));
            // The destructor may ask about its own heap, and set it.
            heap.set_thresholds(heap.thresholds()).expect("what it was");
            drop(heap.external_bytes(heap.stats().memory_bytes));
        }));
    }
    for _ in 0..2 {
        m.collect(Collect::Full);
        // What the heap's own thread drops needs this one at a safepoint.
        m.blocked(|| settle(&heap));
    }
    ledger.assert_all_once();
    let found = found.lock();
    assert_eq!(*found, vec![(Some(AttachError::CollectorThread), Some(Collect::Full)); 8]);
    Ok(())
}

/// Values of other heaps, the last handles of some among them, kept in thread-locals of the thread that drops for a `collect`: they go
/// when that thread ends, before `collect` returns.
#[test]
fn thread_locals_of_the_thread_that_drops_end_with_it() -> Tested {
    thread_local! { static KEPT: RefCell<Vec<(Heap, Root<Token>, Token)>> = const { RefCell::new(Vec::new()) }; }
    let heap = calm().build()?;
    let ledger = Ledger::default();
    for round in 0..10 {
        let other = calm().build()?;
        let kept = {
            let m = other.attach()?;
            let root = m.root(ledger.token());
            m.alloc(ledger.token());
            (other, root, ledger.token())
        };
        let mut m = heap.attach()?;
        m.alloc(Runs::new(move || KEPT.with_borrow_mut(|all| all.push(kept))));
        m.collect([Collect::Young, Collect::Full][round % 2]);
        settle(&heap);
    }
    drop(heap);
    wait_until("all heaps have ended", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
    Ok(())
}

/// Destructors that panic, with payloads whose destructors panic, and thread-locals touched: `collect` returns, and tells how many.
#[test]
fn destructors_that_panic_twice_end_no_collect() -> Tested {
    struct Twice;
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("on purpose, for the second time");
        }
    }
    thread_local! { static COUNT: Cell<u64> = const { Cell::new(0) }; }
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        for _ in 0..10 {
            m.alloc(Runs::new(|| {
                COUNT.set(COUNT.get() + 1);
                panic_any(Twice);
            }));
            m.alloc_slice_with(3, |_| Runs::new(|| panic_any(Twice)));
        }
        m.collect(generation);
        settle(&heap);
    }
    let stats = heap.stats();
    assert_eq!((stats.drops_panicked, stats.drops_pending, COUNT.get()), (120, 0, 0));
    Ok(())
}

/// A mutator in a thread-local, used when that is destroyed: a thread is started there, too.
#[test]
fn a_thread_local_that_ends_collects_what_has_destructors() -> Tested {
    struct AtEnd(RefCell<Option<(Mutator, Ledger, mpsc::Sender<u64>)>>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            if let Some((mut m, ledger, send)) = self.0.take() {
                let kept = m.root(m.alloc(7_u64));
                for generation in [Collect::Young, Collect::Full] {
                    for _ in 0..100 {
                        m.alloc(ledger.token());
                    }
                    m.collect(generation);
                }
                let _ = send.send(*kept.get(&m));
            }
        }
    }
    thread_local! { static END: AtEnd = const { AtEnd(RefCell::new(None)) }; }
    let heap = checked().build()?;
    let ledger = Ledger::default();
    let (send, receive) = mpsc::channel();
    let (there, tokens) = (heap.clone(), ledger.clone());
    let thread = thread::spawn(move || {
        END.with(|end| *end.0.borrow_mut() = Some((there.attach().expect("a free thread"), tokens, send)))
    });
    thread.join().expect("no panic");
    assert_eq!(receive.recv()?, 7);
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}

/// Many threads collect at once, and each of their destructors makes another thread's collection wait for it: nobody waits for ever.
#[test]
fn collections_that_wait_for_each_others_destructors_end() -> Tested {
    let heap = calm().build()?;
    let ledger = Ledger::default();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (heap, ledger) = (heap.clone(), ledger.clone());
            thread::spawn(move || {
                let mut m = heap.attach().expect("a free thread");
                for round in 0..20 {
                    let (inner, token) = (heap.clone(), ledger.token());
                    m.alloc(Runs::new(move || {
                        let other =
                            thread::spawn(move || inner.attach().expect("a free thread").collect(Collect::Young));
                        other.join().expect("no panic");
                        drop(token);
                    }));
                    m.collect([Collect::Young, Collect::Promote, Collect::Full][round % 3]);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    heap.attach()?.collect(Collect::Full);
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}

/// A thread that holds a lock over `collect` which a destructor wants in vain for a while: it gives up, and both go on.
#[test]
fn a_destructor_that_wants_what_its_collector_holds_can_give_up() -> Tested {
    let heap = calm().build()?;
    let mut m = heap.attach()?;
    let lock = Arc::new(Mutex::new(0));
    let theirs = lock.clone();
    m.alloc(Runs::new(move || {
        assert!(theirs.try_lock().is_none());
        thread::sleep(Duration::from_millis(20));
    }));
    let guard = lock.lock();
    m.collect(Collect::Full);
    settle(&heap);
    drop(guard);
    assert_eq!(heap.stats().drops_panicked, 0);
    Ok(())
}

/// While it unwinds, a thread collects: in a destructor that has its mutator.
#[test]
fn a_thread_that_unwinds_collects() -> Tested {
    struct Collects(Option<Mutator>, Ledger);
    impl Drop for Collects {
        fn drop(&mut self) {
            let mut m = self.0.take().expect("once");
            let kept = m.root(vec![m.alloc(5_u64)]);
            m.alloc(self.1.token());
            m.collect(Collect::Full);
            m.blocked(thread::yield_now);
            assert_eq!(*kept.borrow(&m)[0], 5);
        }
    }
    let heap = checked().build()?;
    let ledger = Ledger::default();
    for _ in 0..5 {
        let collects = Collects(Some(heap.attach()?), ledger.clone());
        let unwound = catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _collects = collects;
            panic!("on purpose");
        }));
        assert!(unwound.is_err());
    }
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}
