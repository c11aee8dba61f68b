//! Roots in the value of the last root of a heap: they go with it, though no collection comes that would find them.

use std::{
    cell::RefCell,
    sync::{Arc, Barrier, mpsc},
    thread,
    time::Duration,
};

use gc_core::{Collect, Event, Gc, Heap, Level, Mutator, Root, Trace};
use gc_tests::{
    Tested,
    heaps::{TIMEOUT, calm, checked, settle, wait_until},
    ledger::{Ledger, Token},
    sizes::scaled,
};

#[derive(Trace)]
struct Nested(
    #[allow(dead_code, reason = "dropped")] Token,
    #[allow(dead_code, reason = "dropped")] Option<Root<Nested>>,
);

/// Dropped on any thread, before or after the last mutator and the last handle have gone. The heap stayed for ever.
#[test]
fn the_last_root_of_a_heap_takes_along_those_in_it() -> Tested {
    let ledger = Ledger::default();
    for way in 0..5 {
        for length in [2, 100] {
            let heap = checked().build()?;
            let m = heap.attach()?;
            let mut last = m.root(Nested(ledger.token(), None));
            for _ in 1..length {
                last = m.root(Nested(ledger.token(), Some(last)));
            }
            m.alloc(ledger.token());
            let drop_elsewhere = |last| thread::spawn(move || drop(last)).join().expect("no panic");
            match way {
                0 => {
                    drop((m, heap));
                    drop(last);
                }
                1 => {
                    drop((m, heap));
                    drop_elsewhere(last);
                }
                2 => {
                    drop_elsewhere(last);
                    drop((heap, m));
                }
                3 => {
                    drop(m);
                    drop(last);
                    drop(heap);
                }
                _ => {
                    drop((heap, last));
                    drop(m);
                }
            }
        }
    }
    wait_until("all heaps have ended", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
    Ok(())
}

/// The same with a mutator that a thread keeps, which is no user: the last handle detaches it.
#[test]
fn a_root_of_a_kept_mutator_takes_along_those_in_it() -> Tested {
    let ledger = Ledger::default();
    for before in [false, true] {
        let heap = checked().build()?;
        let last = heap.with(|m| {
            let inner = m.root(Nested(ledger.token(), None));
            m.root(Nested(ledger.token(), Some(inner)))
        })?;
        if before {
            drop(last);
            drop(heap);
        } else {
            drop(heap);
            drop(last);
        }
    }
    wait_until("all heaps have ended", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
    Ok(())
}

/// Threads detach and drop at once: one of them sees the other's, however they meet.
#[test]
fn the_thread_that_goes_last_takes_along_what_is_in_roots() -> Tested {
    let ledger = Ledger::default();
    for _ in 0..scaled(400) {
        let heap = calm().build()?;
        let m = heap.attach()?;
        let inner = m.root(Nested(ledger.token(), None));
        let last = m.root(Nested(ledger.token(), Some(inner)));
        let meet = Arc::new(Barrier::new(2));
        let there = meet.clone();
        let other = thread::spawn(move || {
            there.wait();
            drop(last);
        });
        drop(heap);
        meet.wait();
        drop(m);
        other.join().expect("no panic");
    }
    wait_until("all heaps have ended", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
    Ok(())
}

/// A hundred thousand roots with values of their own, dropped when nobody uses the heap: each costs the same.
#[test]
fn many_roots_are_dropped_when_nobody_uses_the_heap() -> Tested {
    let heap = calm().build()?;
    let ledger = Ledger::default();
    let m = heap.attach()?;
    let roots: Vec<_> = (0..scaled(100_000)).map(|_| m.root(ledger.token())).collect();
    drop((m, heap));
    drop(roots);
    wait_until("all are dropped", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
    Ok(())
}

/// A chain of roots that goes to and fro between two heaps, one of which nobody can enter any more.
#[test]
fn a_chain_between_two_heaps_goes_with_their_collections() -> Tested {
    let (one, other) = (checked().build()?, checked().build()?);
    let ledger = Ledger::default();
    let mut chain = None;
    for index in 0..40 {
        let m = if index % 2 == 0 { &one } else { &other }.attach()?;
        m.alloc(ledger.token());
        chain = Some(m.root(Nested(ledger.token(), chain)));
    }
    drop(one);
    let mut m = other.attach()?;
    m.alloc(Nested(ledger.token(), chain));
    for _ in 0..42 {
        m.collect(Collect::Young);
        m.drain_drops(TIMEOUT)?;
    }
    drop((m, other));
    wait_until("both heaps have ended", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
    Ok(())
}

thread_local! { static LAST: RefCell<Option<(Mutator, Heap)>> = const { RefCell::new(None) }; }

/// Releases the mutator and the last handle of its heap when it is dropped, if it is told so.
struct Releases(bool);

impl Drop for Releases {
    fn drop(&mut self) {
        if self.0 {
            drop(LAST.take());
        }
    }
}

#[derive(Trace)]
struct Link(
    #[allow(dead_code, reason = "dropped")] gc_core::Leaf<Releases>,
    #[allow(dead_code, reason = "dropped")] Token,
    #[allow(dead_code, reason = "dropped")] Vec<Root<Link>>,
);

/// The heap of a chain ends in the middle of it: a destructor releases the mutator and the last handle, while links wait to be dropped.
#[test]
fn a_heap_ends_in_the_middle_of_a_chain() -> Tested {
    for at in [0, 1, 30, 31, 32, 33, 34, 64, 99] {
        let ledger = Ledger::default();
        let heap = checked().build()?;
        let m = heap.attach()?;
        for _ in 0..20 {
            m.alloc(ledger.token());
        }
        let mut chain: Vec<Root<Link>> = Vec::new();
        for index in 0..100 {
            chain.push(m.root(Link(gc_core::Leaf(Releases(false)), ledger.token(), Vec::new())));
            chain = vec![m.root(Link(gc_core::Leaf(Releases(index == at)), ledger.token(), chain))];
        }
        LAST.set(Some((m, heap)));
        drop(chain);
        // What was left of the chain when its mutator had gone waited for a collection, for which nobody could ask any more.
        wait_until("everything is dropped", || ledger.dropped() == ledger.made());
        ledger.assert_all_once();
    }
    Ok(())
}

/// A handle keeps the heap, and its next collection finds what is in roots, as before.
#[test]
fn a_heap_with_a_handle_drops_what_is_in_roots_at_its_next_collection() -> Tested {
    let heap = calm().build()?;
    let ledger = Ledger::default();
    let m = heap.attach()?;
    let inner = m.root(Nested(ledger.token(), None));
    let last = m.root(Nested(ledger.token(), Some(inner)));
    drop(m);
    drop(last);
    settle(&heap);
    assert_eq!(ledger.dropped(), 0);
    let mut m = heap.attach()?;
    m.collect(Collect::Young);
    m.drain_drops(TIMEOUT)?;
    ledger.assert_all_once();
    Ok(())
}

/// When the last handle and mutator are gone, it is told how many roots keep the heap, and of which types: exactly, and not if there are none.
#[test]
fn a_heap_that_roots_keep_is_told() -> Tested {
    for left in [0, 2, 1000] {
        let (send, told) = mpsc::channel();
        let heap = calm()
            .on_event(Level::Debug, move |event| {
                if let Event::HeldByRoots { roots, types, .. } = event {
                    // Nobody may be waiting any more.
                    let _ = send.send((*roots, types.clone(), event.to_string()));
                }
            })
            .build()?;
        let ledger = Ledger::default();
        let m = heap.attach()?;
        let mut roots: Vec<_> = (0..left + 10).map(|_| m.root(ledger.token())).collect();
        let pointer_kept = (left > 0).then(|| m.root(m.alloc([1_u64; 3])));
        let numbers: Vec<_> = (0..5_u64).map(|n| m.root(m.alloc(n))).collect();
        let dropped_elsewhere = roots.split_off(left);
        drop(m);
        drop((dropped_elsewhere, numbers));
        assert!(told.try_recv().is_err());
        drop(heap);
        if left > 0 {
            let (roots, types, text) = told.recv_timeout(TIMEOUT)?;
            let token = std::any::type_name::<Token>();
            let pointer = std::any::type_name::<Gc<'_, [u64; 3]>>();
            assert_eq!((roots, &types[..]), (left + 1, &[(token, left), (pointer, 1)][..]));
            assert_eq!(text, format!("held_by_roots roots={roots} types={token}:{left},{pointer}:1"));
        }
        drop((roots, pointer_kept));
        wait_until("all are dropped", || ledger.dropped() == ledger.made());
        assert!(told.recv().is_err(), "told once, and the heap has ended");
    }
    Ok(())
}

/// What keeps a heap lies in its own objects, which nothing else holds: collections of the idle heap find them dead, one after the other, and
/// the heap ends. (If such a root holds the object that it lies in, nothing finds that.)
#[test]
fn a_heap_that_only_its_dead_objects_keep_ends_when_it_is_idle() -> Tested {
    #[derive(Trace)]
    struct Keeps(
        #[allow(dead_code, reason = "dropped")] Token,
        #[allow(dead_code, reason = "dropped")] Option<Root<Gc<'static, Keeps>>>,
        #[allow(dead_code, reason = "dropped")] Option<Heap>,
    );
    let ledger = Ledger::default();
    for by_root in [true, false] {
        let heap = calm().idle_after(Duration::from_millis(10)).build()?;
        let m = heap.attach()?;
        for _ in 0..3 {
            let mut last = m.root(m.alloc(Keeps(ledger.token(), None, (!by_root).then(|| heap.clone()))));
            for _ in 0..if by_root { 4 } else { 0 } {
                last = m.root(m.alloc(Keeps(ledger.token(), Some(last), None)));
            }
            m.alloc(Keeps(ledger.token(), by_root.then_some(last), None));
        }
    }
    wait_until("both heaps have ended", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
    Ok(())
}
