//! Event hooks, and closures that make objects: user code that is called with a heap in the middle of something.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use gc_core::{AttachError, Collect, Gc, Heap, Level, Root, Slot, Trace};
use gc_tests::{
    Tested,
    heaps::{calm, checked, settle, wait_until},
    ledger::{Ledger, Token},
    runs::Runs,
};
use parking_lot::Mutex;

/// A hook that asks, sets, drops roots and nested roots of its own heap, and panics with what panics: the heap goes on.
#[test]
fn a_hook_may_do_to_its_heap_what_any_thread_may() -> Tested {
    #[derive(Trace)]
    struct Nested(
        #[allow(dead_code, reason = "dropped")] Token,
        #[allow(dead_code, reason = "dropped")] Option<Root<Nested>>,
    );
    struct Twice;
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("on purpose, for the second time");
        }
    }
    let ledger = Ledger::default();
    let told: Arc<OnceLock<Heap>> = Arc::default();
    let shelf: Arc<Mutex<Vec<Root<Nested>>>> = Arc::default();
    let errors: Arc<Mutex<Vec<AttachError>>> = Arc::default();
    let (its, theirs, found) = (told.clone(), shelf.clone(), errors.clone());
    let heap = checked()
        .on_event(Level::Debug, move |event| {
            let Some(heap) = its.get() else { return };
            assert!(!event.to_string().is_empty());
            theirs.lock().pop();
            found.lock().extend(heap.attach().err());
            heap.set_soft_limit(heap.soft_limit());
            drop(heap.external_bytes(1 << 20));
            assert!(heap.pauses().count() > 0);
            panic_any(Twice);
        })
        .build()?;
    let mut m = heap.attach()?;
    let mut made = 0;
    for _ in 0..30 {
        let inner = m.root(Nested(ledger.token(), None));
        shelf.lock().push(m.root(Nested(ledger.token(), Some(inner))));
        made += 1;
    }
    assert!(told.set(heap.clone()).is_ok());
    for generation in [Collect::Young, Collect::Promote, Collect::Full].into_iter().cycle().take(60) {
        m.collect(generation);
    }
    wait_until("the hook was told", || {
        let told = errors.lock().len();
        told >= made && shelf.lock().is_empty()
    });
    for _ in 0..2 {
        m.collect(Collect::Young);
        settle(&heap);
    }
    ledger.assert_all_once();
    assert!(errors.lock().iter().all(|error| *error == AttachError::CollectorThread));
    Ok(())
}

/// Closures and iterators that make an object and its elements allocate, root, fill slots of other objects, and ask other threads for things that
/// need this one at a safepoint: which is refused, and named.
#[test]
fn what_makes_an_object_may_do_all_but_wait_for_a_collection() -> Tested {
    #[derive(Trace)]
    struct Node<'gc> {
        number: usize,
        next: Slot<'gc, Node<'gc>>,
    }
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    for length in [1, 3, 300, 5000] {
        let roots = {
            let first = m.alloc(Node { number: usize::MAX, next: Slot::null() });
            let mut roots = Vec::new();
            let slice = m.alloc_slice_with(length, |number| {
                if number == length / 2 {
                    assert_eq!(heap.attach().err(), Some(AttachError::AlreadyAttached));
                    let other = heap.clone();
                    let attached = thread::spawn(move || other.attach_timeout(Duration::from_millis(1)).map(drop));
                    assert!(matches!(attached.join().expect("no panic"), Err(AttachError::TimedOut { .. })));
                    // What fails here in the middle leaves a filler, in the middle of which others lie.
                    let failed = catch_unwind(AssertUnwindSafe(|| {
                        m.alloc_slice_with(2000, |n| if n == 1999 { panic!("on purpose") } else { m.alloc(n) })
                    }));
                    assert!(failed.is_err());
                }
                let node = m.alloc_with(|| Node { number, next: Slot::new(first.next.get()) });
                first.next.set(&m, Some(node));
                roots.push(m.root(node));
                node
            });
            roots.push(m.root(first));
            (m.root(slice), roots)
        };
        for generation in [Collect::Young, Collect::Young, Collect::Full] {
            m.collect(generation);
            let slice = roots.0.get(&m);
            assert!(slice.iter().enumerate().all(|(number, node)| node.number == number));
            let mut next = roots.1[length].get(&m).next.get();
            for node in slice.iter().rev() {
                assert!(next.is_some_and(|next| Gc::ptr_eq(next, *node)));
                next = next.and_then(|next| next.next.get());
            }
        }
    }
    Ok(())
}

/// Destructors and the hook of one heap fill the queue of another, and wait for it: two heaps that end on each other's threads.
#[test]
fn heaps_drop_and_tell_on_each_others_threads() -> Tested {
    let ledger = Ledger::default();
    for round in 0..10 {
        let last: Arc<Mutex<Option<Heap>>> = Arc::default();
        let its = last.clone();
        let one = calm()
            .on_event(Level::Debug, move |_| {
                drop(its.lock().take());
            })
            .build()?;
        let other = calm().build()?;
        {
            let m = other.attach()?;
            m.alloc(ledger.token());
            let (one, token) = (one.clone(), ledger.token());
            m.alloc(Runs::new(move || drop((one, token))));
        }
        *last.lock() = Some(other);
        let mut m = one.attach()?;
        let token = ledger.token();
        let theirs = last.clone();
        m.alloc(Runs::new(move || {
            drop(theirs.lock().take());
            drop(token);
        }));
        m.collect([Collect::Young, Collect::Full][round % 2]);
        drop((m, one));
    }
    wait_until("all heaps have ended", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
    Ok(())
}
