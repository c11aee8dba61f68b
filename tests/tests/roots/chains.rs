//! Roots whose values hold roots: a chain of them goes without a deep stack, and without a collection for each link.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use gc_core::{Collect, Event, Level, Mutator, Root, Trace};
use gc_tests::{
    Tested,
    heaps::{calm, checked, settle, wait_until},
    ledger::{Ledger, Token},
    sizes::scaled,
};

/// In memory of its own, as it has a destructor.
#[derive(Trace)]
struct Link {
    token: Token,
    next: Option<Root<Link>>,
}

fn chain(m: &mut Mutator, ledger: &Ledger, length: usize) -> Root<Link> {
    let mut chain = m.root(Link { token: ledger.token(), next: None });
    for index in 1..length {
        chain = m.root(Link { token: ledger.token(), next: Some(chain) });
        if index % 1000 == 0 {
            m.safepoint();
        }
    }
    chain
}

fn on_a_small_stack(run: impl FnOnce() -> Result<(), String> + Send + 'static) -> Tested {
    let thread = thread::Builder::new().stack_size(256 << 10).spawn(run)?;
    Ok(thread.join().expect("the stack is enough")?)
}

const LONG: usize = 200_000;

/// It overflowed the stack: each value was dropped by the destructor of the one before.
#[test]
fn a_long_chain_goes_on_its_own_thread() -> Tested {
    on_a_small_stack(|| {
        let heap = calm().build().map_err(|error| error.to_string())?;
        let ledger = Ledger::default();
        let mut m = heap.attach().map_err(|error| error.to_string())?;
        let chain = chain(&mut m, &ledger, LONG);
        drop(chain);
        ledger.assert_all_once();
        Ok(())
    })
}

/// It lost a link in each collection.
#[test]
fn a_long_chain_that_was_dropped_elsewhere_goes_after_one_collection() -> Tested {
    let heap = calm().build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    let chain = chain(&mut m, &ledger, LONG);
    m.blocked(|| thread::spawn(move || drop(chain)).join()).expect("no panic");
    assert_eq!(ledger.dropped(), 0);
    m.collect(Collect::Young);
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}

/// The same behind an object: its destructor runs on the heap's thread, which no root is filed with.
#[test]
fn a_long_chain_in_an_object_goes_with_it() -> Tested {
    let heap = calm().build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    let first = chain(&mut m, &ledger, LONG);
    m.alloc(Link { token: ledger.token(), next: Some(first) });
    m.collect(Collect::Full);
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}

/// The job that dropped such a chain gave up what was left of it when a leader waited for a straggler: nothing counted it, and the next
/// collection lost it one value later.
#[test]
fn a_chain_waits_for_the_end_of_a_pause_behind_the_report_of_a_straggler() -> Tested {
    /// Its destructor waits for a lock.
    #[derive(Trace)]
    #[trace(leaf)]
    struct Gate(Arc<(AtomicBool, parking_lot::Mutex<()>)>);
    impl Drop for Gate {
        fn drop(&mut self) {
            self.0.0.store(true, Ordering::Release);
            drop(self.0.1.lock());
        }
    }
    #[derive(Trace)]
    struct Held(Gate, Root<Link>);
    let reports = Arc::new(AtomicUsize::new(0));
    let told = reports.clone();
    let heap = calm()
        .late_after(Duration::from_millis(1))
        .on_event(Level::Warning, move |event| {
            if let Event::Late { .. } = event {
                told.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    let gate = Arc::new((AtomicBool::new(false), parking_lot::Mutex::new(())));
    let closed = gate.1.lock();
    let links = chain(&mut m, &ledger, 1000);
    m.alloc(Held(Gate(gate.clone()), links));
    let collect = |attached: Arc<AtomicBool>, go: Arc<AtomicBool>| {
        let heap = heap.clone();
        thread::spawn(move || {
            let mut m = heap.attach().expect("a free thread");
            attached.store(true, Ordering::Release);
            m.blocked(|| wait_until("it may collect", || go.load(Ordering::Acquire)));
            m.collect(Collect::Young);
        })
    };
    let [attached, go] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let now = Arc::new(AtomicBool::new(true));
    let first = collect(now.clone(), now);
    let second = collect(attached.clone(), go.clone());
    m.blocked(|| {
        wait_until("the second leader is attached", || attached.load(Ordering::Acquire));
        wait_until("a job runs", || gate.0.load(Ordering::Acquire));
    });

    // From here on this thread is late.
    m.safepoint();
    assert!(!m.safepoint_pending());
    go.store(true, Ordering::Release);
    wait_until("a leader waits", || m.safepoint_pending());
    drop(closed);
    wait_until("the object is dropped", || (heap.stats().drops_run, heap.stats().drops_pending) == (1, 1));
    let before = reports.load(Ordering::Relaxed);
    wait_until("stragglers are reported", || reports.load(Ordering::Relaxed) >= before + 50);
    assert_eq!((heap.stats().drops_run, heap.stats().drops_pending, ledger.dropped()), (1, 1, 0));

    m.blocked(|| [first, second].map(|leader| leader.join().expect("no panic")));
    settle(&heap);
    ledger.assert_all_once();
    let collections = heap.stats().collections;
    assert_eq!((collections.young, collections.total()), (2, 2));
    Ok(())
}

/// While the owner makes and drops roots in the same table, and others collect.
#[test]
fn chains_go_while_their_table_is_in_use() -> Tested {
    let heap = checked().build()?;
    let ledger = Ledger::default();
    let other = heap.clone();
    let mut m = heap.attach()?;
    let collector = thread::spawn(move || {
        let mut m = other.attach().expect("a free thread");
        for _ in 0..200 {
            m.collect(Collect::Young);
        }
    });
    for round in 0..200 {
        let links = chain(&mut m, &ledger, 50);
        if round % 2 == 0 {
            m.alloc(Link { token: ledger.token(), next: Some(links) });
        } else {
            m.blocked(|| thread::spawn(move || drop(links)).join()).expect("no panic");
        }
        let kept: Vec<_> = (0..20_usize).map(|n| m.root(vec![m.alloc(n)])).collect();
        m.safepoint();
        for (n, root) in kept.iter().enumerate() {
            assert_eq!(*root.borrow(&m)[0], n);
        }
    }
    m.blocked(|| collector.join()).expect("no panic");
    m.collect(Collect::Full);
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}

/// A destructor in the middle of a chain that panics: what is behind it goes too, and is counted.
#[test]
fn a_panic_in_a_chain_loses_nothing() -> Tested {
    #[derive(Trace)]
    #[trace(leaf)]
    struct Bomb(Arc<Mutex<u32>>, bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            *self.0.lock().expect("not poisoned") += 1;
            assert!(!self.1, "on purpose");
        }
    }
    #[derive(Trace)]
    struct Linked(Bomb, Option<Root<Linked>>);
    let heap = calm().build()?;
    let dropped = Arc::new(Mutex::new(0));
    let mut m = heap.attach()?;
    for elsewhere in [false, true] {
        let mut chain = m.root(Linked(Bomb(dropped.clone(), true), None));
        for index in 1..1000 {
            chain = m.root(Linked(Bomb(dropped.clone(), index % 100 == 0), Some(chain)));
        }
        if elsewhere {
            m.blocked(|| thread::spawn(move || drop(chain)).join()).expect("no panic");
        } else {
            drop(chain);
        }
        m.collect(Collect::Promote);
        settle(&heap);
    }
    assert_eq!(*dropped.lock().expect("not poisoned"), 2000);
    assert_eq!(heap.stats().drops_panicked, 20);
    Ok(())
}

/// Values nested in one object are dropped by recursion, as everywhere in Rust: not on a thread of the program, whose stack may be small.
#[test]
fn deep_values_are_dropped_on_large_stacks() -> Tested {
    #[derive(Trace)]
    #[trace(leaf)]
    struct Deep(#[allow(dead_code, reason = "dropped")] Option<Box<Deep>>);
    on_a_small_stack(|| {
        let heap = calm().build().map_err(|error| error.to_string())?;
        let mut m = heap.attach().map_err(|error| error.to_string())?;
        for generation in [Collect::Young, Collect::Full] {
            for _ in 0..20 {
                let mut deep = Deep(None);
                // ThreadSanitizer has room for 65 536 calls, one in the other.
                for _ in 0..scaled(20_000) {
                    deep = Deep(Some(Box::new(deep)));
                }
                m.alloc(deep);
                m.collect(generation);
            }
        }
        settle(&heap);
        assert_eq!(heap.stats().drops_run, 40);
        Ok(())
    })
}
