//! Roots in numbers: their memory comes back, and a heap whose roots are dropped by other threads notices.

use std::thread;

use gc_core::{Collect, Gc, Heap, Mutator, Root, Trace};
use gc_tests::{
    heaps::{calm, settle, wait_until},
    ledger::{Ledger, Token},
    sizes::scaled,
};

type Number = Root<Gc<'static, u64>>;

/// A state that lies in memory of its own.
#[derive(Trace)]
struct State<'gc> {
    object: Gc<'gc, u64>,
    token: Token,
}

type StateRoot = Root<State<'static>>;

/// Roots of one object: the bytes beside the heap are the roots'.
fn numbers(m: &Mutator, count: u64) -> Vec<Number> {
    let one = m.alloc(1_u64);
    (0..count).map(|_| m.root(one)).collect()
}

fn states(m: &Mutator, ledger: &Ledger, count: u64) -> Vec<StateRoot> {
    let one = m.alloc(1_u64);
    (0..count).map(|_| m.root(State { object: one, token: ledger.token() })).collect()
}

/// The bytes of root tables and boxed values, and of small lists beside them.
fn side(m: &mut Mutator) -> usize {
    m.collect(Collect::Young);
    m.heap().stats().side_bytes
}

#[test]
fn the_memory_of_a_burst_of_roots_comes_back() {
    let heap = calm().auto(false).build().unwrap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    // So that what the heap itself needs is there.
    drop(numbers(&m, 1000));
    m.collect(Collect::Full);
    let before = side(&mut m);
    let count = scaled(200_000);
    for dropped_elsewhere in [false, true] {
        let roots = (numbers(&m, count), states(&m, &ledger, count));
        let with = side(&mut m);
        assert!(with > before + count as usize * 48, "{with}, before {before}");
        if dropped_elsewhere {
            thread::spawn(move || drop(roots)).join().unwrap();
        } else {
            drop(roots);
        }
        m.collect(Collect::Full);
        m.collect(Collect::Full);
        let after = side(&mut m);
        assert!(after < before + 200_000, "{after} after, {before} before, dropped elsewhere: {dropped_elsewhere}");
    }
    settle(&heap);
    ledger.assert_all_once();
}

/// So does the memory of those that a mutator has left, when the next ones have dropped them.
#[test]
fn the_memory_of_gone_mutators_comes_back() {
    let heap = calm().auto(false).build().unwrap();
    let mut roots = Vec::new();
    for n in 0..scaled(5000) {
        let m = heap.attach().unwrap();
        roots.push((n, m.root(m.alloc(n))));
    }
    let mut m = heap.attach().unwrap();
    let with = side(&mut m);
    assert!(with < roots.len() * 256 + 500_000, "{with} for {} roots", roots.len());
    assert!(roots.iter().all(|(n, root)| *root.get(&m) == *n));
    // Every tenth is left.
    roots.retain(|(n, _)| n % 10 == 0);
    assert!(side(&mut m) <= with);
    assert!(roots.iter().all(|(n, root)| *root.get(&m) == *n));
    roots.clear();
    m.collect(Collect::Full);
    assert!(side(&mut m) < 300_000);
}

/// Drops what it is given on a thread without a mutator.
fn drop_elsewhere<T: Send + 'static>(roots: Vec<T>) {
    thread::spawn(move || drop(roots)).join().unwrap();
}

#[test]
fn boxed_roots_that_threads_without_a_mutator_drop_in_numbers_bring_a_collection() {
    let heap = calm().build().unwrap();
    let ledger = Ledger::default();
    let m = heap.attach().unwrap();
    // Few objects: nothing else makes a collection due.
    let roots = states(&m, &ledger, 3000);
    drop(m);
    assert_eq!(heap.stats().collections.total(), 0);
    drop_elsewhere(roots);
    wait_until("most values were dropped, without any mutator", || ledger.dropped() >= 1000);
    assert!(heap.stats().collections.total() >= 1);
    heap.attach().unwrap().collect(Collect::Young);
    settle(&heap);
    ledger.assert_all_once();
}

/// The heap has a mutator that runs: it collects at its next safepoint.
#[test]
fn pointers_that_threads_without_a_mutator_drop_in_numbers_bring_a_collection() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = m.root(m.alloc(1_u64));
    let roots: Vec<Number> = (0..600_000).map(|_| one.clone_in(&m)).collect();
    m.collect(Collect::Promote);
    m.safepoint();
    let before = heap.stats().collections;
    drop_elsewhere(roots);
    wait_until("a safepoint has collected", || {
        m.safepoint();
        heap.stats().collections != before
    });
    assert!(heap.stats().side_bytes < 1_000_000);
    assert_eq!(*one.get(&m), 1);
}

/// So a pause does not have to look at any number of them.
#[test]
fn roots_that_are_made_in_numbers_bring_a_collection() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = m.root(m.alloc(1_u64));
    let mut roots: Vec<Number> = Vec::new();
    wait_until("a safepoint has collected", || {
        roots.extend((0..1000).map(|_| one.clone_in(&m)));
        m.safepoint();
        heap.stats().collections.total() > 0
    });
    // Made and dropped at once, they are a few.
    let before = heap.stats().collections;
    for _ in 0..600_000 {
        drop(one.clone_in(&m));
        m.safepoint();
    }
    assert_eq!(heap.stats().collections, before);
}

/// Few roots do not.
#[test]
fn a_few_roots_that_are_dropped_elsewhere_bring_no_collection() {
    let heap = calm().build().unwrap();
    let ledger = Ledger::default();
    let m = heap.attach().unwrap();
    let roots = (states(&m, &ledger, 100), numbers(&m, 1000));
    drop(m);
    drop_elsewhere(vec![roots]);
    // Whatever was asked for happens before this.
    let mut m = heap.attach().unwrap();
    m.safepoint();
    assert_eq!((heap.stats().collections.total(), ledger.dropped()), (0, 0));
    m.collect(Collect::Young);
    settle(&heap);
    ledger.assert_all_once();
}

/// A thread that has a mutator of the heap may drop the value at once: no pause is under way while it runs.
#[test]
fn a_mutator_drops_the_boxed_roots_of_others_at_once() {
    let heap = calm().auto(false).build().unwrap();
    let (other, ledger) = (Heap::builder().build().unwrap(), Ledger::default());
    let m = heap.attach().unwrap();
    let (ours, blocked, foreign) = (states(&m, &ledger, 10), states(&m, &ledger, 1), states(&m, &ledger, 1));
    let here = heap.clone();
    thread::scope(|scope| {
        let ledger = &ledger;
        scope.spawn(move || {
            let mut theirs = here.attach().unwrap();
            drop(ours);
            assert_eq!(ledger.dropped(), 10);
            // Blocked, it runs no mutator; a mutator of another heap is none of this one.
            theirs.blocked(|| drop(blocked));
            drop(theirs);
            let _theirs = other.attach().unwrap();
            drop(foreign);
            assert_eq!(ledger.dropped(), 10);
        });
        drop(m);
    });
    assert_eq!(heap.stats().collections.total(), 0);
    heap.attach().unwrap().collect(Collect::Young);
    settle(&heap);
    ledger.assert_all_once();
}
