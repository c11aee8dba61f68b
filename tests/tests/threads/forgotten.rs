//! What a program forgets stays, and never dangles: mutators, guards, roots.

use std::{cell::Cell, mem, thread};

use gc_core::{AttachError, Collect, Gc, GcCell, Heap, Mutator, Root, Trace};
use gc_tests::{heaps::checked, ledger::Ledger};

fn heap() -> Heap {
    checked().build().unwrap()
}

/// Runs on a thread of its own, which may be left attached.
fn on_a_thread(name: &str, run: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name(name.to_owned()).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_forgotten_mutator_stays_attached_after_its_thread() {
    let heap = heap();
    let (ledger, theirs, ours) = (Ledger::default(), heap.clone(), self::heap());
    let token = ledger.token();
    on_a_thread("forgetful", move || {
        let m = theirs.attach().unwrap();
        m.alloc(token);
        mem::forget(m);
        assert_eq!(theirs.attach().unwrap_err(), AttachError::AlreadyAttached);
        assert_eq!(ours.attach().unwrap_err(), AttachError::AlreadyAttached);
    });
    match heap.attach_timeout(std::time::Duration::from_millis(20)).unwrap_err() {
        AttachError::TimedOut { threads, .. } => assert!(threads[0].contains("forgetful"), "{threads:?}"),
        error => panic!("{error}"),
    }
    drop(heap);
    assert_eq!(ledger.dropped(), 0, "the heap is attached to for ever");
}

#[test]
fn a_leaked_mutator_gives_pointers_that_stay_valid_for_ever() {
    struct Reads(Cell<Option<Gc<'static, [u64; 4]>>>);
    impl Drop for Reads {
        fn drop(&mut self) {
            // After the thread's last line, on the way out.
            assert_eq!(self.0.take().map(|object| *object), Some([1, 2, 3, 4]));
        }
    }
    thread_local! { static KEPT: Reads = const { Reads(Cell::new(None)) }; }

    let heap = heap();
    on_a_thread("leaky", move || {
        let m: &'static Mutator = Box::leak(Box::new(heap.attach().unwrap()));
        KEPT.with(|kept| kept.0.set(Some(m.alloc([1, 2, 3, 4]))));
        drop(heap);
        for _ in 0..100_000 {
            m.alloc([0_u64; 16]);
        }
    });
}

#[derive(Trace)]
struct Holder<'gc> {
    many: GcCell<Vec<Gc<'gc, u64>>>,
}

#[test]
fn a_forgotten_guard_ends_at_the_next_collection() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(Holder { many: GcCell::default() }));
    for round in 0..20_u64 {
        let holder = root.get(&m);
        if round % 2 == 0 {
            let mut guard = holder.many.borrow_mut(&m);
            guard.push(m.alloc(round));
            mem::forget(guard);
        } else {
            for _ in 0..100 {
                mem::forget(holder.many.borrow(&m));
            }
        }
        m.collect([Collect::Young, Collect::Promote, Collect::Full][round as usize % 3]);
        let holder = root.get(&m);
        assert_eq!(holder.many.borrow_mut(&m).len() as u64, round / 2 + 1);
        assert!(holder.many.borrow(&m).iter().map(|n| **n).eq((0..=round).step_by(2)));
    }
}

#[test]
fn a_forgotten_root_keeps_its_object_and_its_heap() {
    let heap = heap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    mem::forget(m.root(m.alloc(ledger.token())));
    let state: Root<Vec<Gc<'static, u64>>> = m.root(vec![m.alloc(7_u64)]);
    mem::forget(state);
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    drop((m, heap));
    assert_eq!(ledger.dropped(), 0);
}

#[test]
fn forgotten_roots_of_old_mutators_are_scanned_for_ever() {
    let heap = heap();
    let ledger = Ledger::default();
    for round in 0..50 {
        let mut m = heap.attach().unwrap();
        mem::forget(m.root(m.alloc((ledger.token(), [round; 20]))));
        m.collect(Collect::Full);
    }
    assert_eq!(ledger.dropped(), 0);
    assert_eq!(heap.stats().old_objects, 50);
}
