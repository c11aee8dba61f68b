//! Roots that other threads drop at the moment in which their mutator detaches: each boxed value is dropped once, whoever finds it, and
//! the last root ends the heap.

use std::{sync::Arc, sync::Barrier, thread};

use gc_core::{Collect, Gc, Heap, Root, Trace, blocking};
use gc_tests::{
    collectors::Collectors,
    heaps::{calm, checked, settle, wait_until},
    ledger::{Ledger, Token},
    sizes::scaled,
};

/// A state that lies in memory of its own.
#[derive(Trace)]
struct State<'gc> {
    object: Gc<'gc, Token>,
    token: Token,
    more: [u64; 4],
}

/// A mutator makes roots, and detaches while another thread drops them. Between the two there are `spins` turns.
fn race(heap: &Heap, ledger: &Ledger, spins: u64) {
    let start = &Barrier::new(2);
    let m = heap.attach().unwrap();
    let roots: Vec<Root<State<'static>>> = (0..3)
        .map(|n| m.root(State { object: m.alloc(ledger.token()), token: ledger.token(), more: [n; 4] }))
        .collect();
    thread::scope(|scope| {
        scope.spawn(move || {
            start.wait();
            (0..spins).for_each(|_| std::hint::spin_loop());
            drop(roots);
        });
        start.wait();
        drop(m);
    });
}

#[test]
fn a_boxed_root_dropped_while_its_mutator_detaches_is_dropped_once() {
    let heap = checked().build().unwrap();
    let ledger = Ledger::default();
    for round in 0..scaled(3000) {
        race(&heap, &ledger, round * 7 % 400);
        if round % 100 == 0 {
            heap.attach().unwrap().collect(Collect::Young);
        }
        ledger.assert_none_twice();
    }
    heap.attach().unwrap().collect(Collect::Full);
    settle(&heap);
    ledger.assert_all_once();
}

#[test]
fn a_boxed_root_dropped_while_its_mutator_detaches_and_others_collect_is_dropped_once() {
    let heap = calm().build().unwrap();
    let ledger = Ledger::default();
    let collectors = Collectors::start(&heap, 2);
    for round in 0..scaled(1000) {
        race(&heap, &ledger, round * 7 % 400);
    }
    collectors.end();
    heap.attach().unwrap().collect(Collect::Full);
    settle(&heap);
    ledger.assert_all_once();
}

/// No handle is left: the last root, or the detach, ends the heap.
#[test]
fn the_race_ends_the_heap() {
    let ledger = Ledger::default();
    for round in 0..scaled(300) {
        let heap = calm().build().unwrap();
        let start = Arc::new(Barrier::new(2));
        let m = heap.attach().unwrap();
        let root = m.root(State { object: m.alloc(ledger.token()), token: ledger.token(), more: [1; 4] });
        drop(heap);
        let starts = start.clone();
        let dropper = thread::spawn(move || {
            starts.wait();
            (0..round * 7 % 400).for_each(|_| std::hint::spin_loop());
            drop(root);
        });
        start.wait();
        drop(m);
        dropper.join().unwrap();
        wait_until("the heap has ended", || ledger.dropped() == ledger.made());
        ledger.assert_all_once();
    }
}

/// Tables of mutators that have gone are looked through by those who attach, while their last roots are dropped, and each mutator
/// leaves from a place in the middle.
#[test]
fn tables_are_forgotten_while_their_roots_are_dropped() {
    let heap = calm().build().unwrap();
    let ledger = Ledger::default();
    let (send, receive) = crossbeam_channel::bounded::<Root<State<'static>>>(300);
    let (heap, ledger) = (&heap, &ledger);
    thread::scope(|scope| {
        for thread in 0..3 {
            let send = send.clone();
            scope.spawn(move || {
                for round in 0..scaled(3000) {
                    let m = heap.attach().unwrap();
                    let state = State { object: m.alloc(ledger.token()), token: ledger.token(), more: [round; 4] };
                    let root = m.root(state);
                    if (round + thread) % 3 == 0 {
                        drop(m);
                        send.send(root).unwrap();
                    } else {
                        let mut m = m;
                        blocking::crossbeam::send(&mut m, &send, root).unwrap();
                    }
                }
            });
        }
        drop(send);
        let (one, two) = (receive.clone(), receive);
        scope.spawn(move || one.into_iter().for_each(drop));
        scope.spawn(move || {
            for root in two {
                let m = heap.attach().unwrap();
                assert!(root.borrow(&m).more.iter().all(|&n| n == root.borrow(&m).more[0]));
                if root.borrow(&m).more[0] % 2 == 0 {
                    drop(m);
                }
            }
            heap.attach().unwrap().collect(Collect::Full);
        });
    });
    wait_until("all are dropped", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
}
