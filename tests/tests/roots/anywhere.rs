//! Roots may be dropped anywhere and at any time, and are good for nothing but their own heap.

use std::{
    cell::RefCell,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
};

use gc_core::{Collect, Gc, Heap, Mutator, Root, Slot, Trace};
use gc_tests::{
    heaps::{checked, settle},
    ledger::{Ledger, Token},
};

type Pointer = Root<Gc<'static, Token>>;

/// A state that lies in memory of its own.
#[derive(Trace)]
struct State<'gc> {
    stack: Vec<Gc<'gc, Token>>,
    token: Token,
    hot: Slot<'gc, Token>,
}

type StateRoot = Root<State<'static>>;

fn heap() -> Heap {
    checked().build().unwrap()
}

fn state(m: &Mutator, ledger: &Ledger) -> StateRoot {
    let stack = vec![m.alloc(ledger.token()), m.alloc(ledger.token())];
    m.root(State { stack, token: ledger.token(), hot: Slot::new(Some(m.alloc(ledger.token()))) })
}

fn collect_and_settle(m: &mut Mutator) {
    m.collect(Collect::Full);
    settle(&m.heap());
}

#[test]
fn another_thread_drops_while_the_mutator_allocates_and_collects() {
    let heap = heap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let (send, receive) = mpsc::channel::<(Pointer, StateRoot)>();
    let dropper = thread::spawn(move || receive.into_iter().for_each(drop));
    for round in 0..300 {
        for _ in 0..10 {
            send.send((m.root(m.alloc(ledger.token())), state(&m, &ledger))).unwrap();
        }
        m.collect([Collect::Young, Collect::Promote, Collect::Full][round % 3]);
        m.safepoint();
    }
    drop(send);
    dropper.join().unwrap();
    collect_and_settle(&mut m);
    ledger.assert_all_once();
}

#[test]
fn a_root_keeps_what_it_holds_after_its_mutator_is_gone() {
    let heap = heap();
    let ledger = Ledger::default();
    let m = heap.attach().unwrap();
    let (pointer, state) = (m.root(m.alloc(ledger.token())), state(&m, &ledger));
    drop(m);
    for _ in 0..3 {
        let mut m = heap.attach().unwrap();
        m.collect(Collect::Full);
        assert_eq!(pointer.get(&m).number(), 0);
        assert_eq!(state.borrow(&m).stack.iter().map(|token| token.number()).collect::<Vec<_>>(), [1, 2]);
    }
    assert_eq!(ledger.dropped(), 0);
}

#[test]
fn roots_that_outlive_their_mutator_are_dropped_like_any() {
    for attached_again in [false, true] {
        let heap = heap();
        let ledger = Ledger::default();
        let m = heap.attach().unwrap();
        let roots = (m.root(m.alloc(ledger.token())), state(&m, &ledger));
        drop(m);
        let mut m = if attached_again {
            let m = heap.attach().unwrap();
            drop(roots);
            m
        } else {
            drop(roots);
            heap.attach().unwrap()
        };
        collect_and_settle(&mut m);
        ledger.assert_all_once();
    }
}

#[test]
fn a_mutator_of_another_thread_takes_over_roots() {
    let heap = heap();
    let ledger = Ledger::default();
    let m = heap.attach().unwrap();
    let (pointer, mut state) = (m.root(m.alloc(ledger.token())), state(&m, &ledger));
    drop(m);
    let theirs = heap.clone();
    let (pointer, state) = thread::spawn(move || {
        let mut m = theirs.attach().unwrap();
        state.get_mut(&m).stack.push(pointer.get(&m));
        m.collect(Collect::Full);
        assert_eq!(state.borrow(&m).stack.len(), 3);
        (pointer, state)
    })
    .join()
    .unwrap();
    let mut m = heap.attach().unwrap();
    drop(pointer);
    collect_and_settle(&mut m);
    assert_eq!((ledger.dropped(), state.borrow(&m).stack[2].number()), (0, 0));
    drop(state);
    collect_and_settle(&mut m);
    ledger.assert_all_once();
}

#[test]
fn the_last_root_ends_the_heap_wherever_it_is_dropped() {
    for on_another_thread in [false, true] {
        let heap = heap();
        let ledger = Ledger::default();
        let m = heap.attach().unwrap();
        let roots = (m.root(m.alloc(ledger.token())), state(&m, &ledger));
        m.alloc(ledger.token());
        drop(heap);
        drop(m);
        assert_eq!(ledger.dropped(), 0);
        if on_another_thread {
            thread::spawn(move || drop(roots)).join().unwrap();
        } else {
            drop(roots);
        }
        ledger.assert_all_once();
    }
}

#[test]
fn thread_locals_may_hold_roots_to_the_end() {
    struct AtExit(RefCell<Option<(Pointer, StateRoot)>>);
    impl Drop for AtExit {
        fn drop(&mut self) {
            self.0.take();
        }
    }
    thread_local! {
        static EARLY: AtExit = const { AtExit(RefCell::new(None)) };
        static LATE: AtExit = const { AtExit(RefCell::new(None)) };
        static ATTACHED: RefCell<Option<Mutator>> = const { RefCell::new(None) };
    }
    for keep_attached in [false, true] {
        let heap = heap();
        let ledger = Ledger::default();
        let (theirs, tokens) = (heap.clone(), ledger.clone());
        thread::spawn(move || {
            // Registered in this order, so destroyed in this one or the other.
            EARLY.with(|early| early.0.borrow_mut().take());
            let m = theirs.attach().unwrap();
            let make = || Some((m.root(m.alloc(tokens.token())), state(&m, &tokens)));
            EARLY.with(|early| *early.0.borrow_mut() = make());
            LATE.with(|late| *late.0.borrow_mut() = make());
            if keep_attached {
                ATTACHED.set(Some(m));
            }
        })
        .join()
        .unwrap();
        let mut m = heap.attach().expect("the thread's locals are gone, its mutator with them");
        collect_and_settle(&mut m);
        ledger.assert_all_once();
    }
}

#[test]
fn every_access_with_a_mutator_of_another_heap_panics() {
    let (one, other) = (heap(), heap());
    let m = one.attach().unwrap();
    let mut root = m.root(m.alloc(1_u64));
    let twin = m.root(root.get(&m));
    let mut stack = m.root(vec![m.alloc(2_u64)]);
    drop(m);
    let m = other.attach().unwrap();
    let foreign = m.alloc(3_u64);
    let panics = |access: &mut dyn FnMut()| {
        let payload = catch_unwind(AssertUnwindSafe(access)).expect_err("an access with the wrong mutator");
        let message = payload.downcast_ref::<String>().expect("a message");
        assert!(message.contains("expected a mutator of the root's own heap"), "{message}");
    };
    panics(&mut || _ = root.get(&m));
    panics(&mut || _ = root.borrow(&m));
    panics(&mut || drop(root.clone_in(&m)));
    panics(&mut || _ = root.ptr_eq(&twin, &m));
    panics(&mut || root.set(&m, foreign));
    panics(&mut || _ = stack.get_mut(&m));
    drop(m);
    let m = one.attach().unwrap();
    assert_eq!((*root.get(&m), *stack.borrow(&m)[0]), (1, 2));
}

#[test]
fn swapped_roots_take_their_heap_along() {
    let (one, other) = (heap(), heap());
    let m = one.attach().unwrap();
    let mut ours = m.root(m.alloc(1_u64));
    drop(m);
    let m = other.attach().unwrap();
    let mut theirs = m.root(m.alloc(2_u64));
    mem::swap(&mut ours, &mut theirs);
    assert_eq!(*ours.get(&m), 2);
    drop(m);
    let mut m = one.attach().unwrap();
    m.collect(Collect::Full);
    assert_eq!(*theirs.get(&m), 1);
}

#[test]
fn swapped_states_of_one_heap_are_followed() {
    let heap = heap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let (mut a, mut b) = (state(&m, &ledger), state(&m, &ledger));
    for generation in [Collect::Young, Collect::Young, Collect::Full] {
        mem::swap(a.get_mut(&m), b.get_mut(&m));
        m.collect(generation);
    }
    let numbers = |state: &StateRoot, m: &Mutator| state.borrow(m).stack.iter().map(|t| t.number()).collect::<Vec<_>>();
    assert_eq!((numbers(&a, &m), numbers(&b, &m)), (vec![4, 5], vec![0, 1]));
    assert_eq!(ledger.dropped(), 0);
}

#[test]
fn a_root_inside_an_object_holds_until_that_object_dies() {
    let heap = heap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let held = m.root(m.alloc(ledger.token()));
    let holder = m.root(m.alloc((held, ledger.token())));
    collect_and_settle(&mut m);
    assert_eq!(holder.get(&m).0.get(&m).number(), 0);
    assert_eq!(ledger.dropped(), 0);
    drop(holder);
    // The holder dies in the first; what it held in the second.
    collect_and_settle(&mut m);
    collect_and_settle(&mut m);
    ledger.assert_all_once();
}

#[test]
fn ten_thousand_roots_come_and_go_in_any_order() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let mut roots: Vec<_> = (0..10_000_u64).map(|n| (n, m.root(m.alloc(n)))).collect();
    for round in 0..6 {
        m.collect(Collect::Young);
        if round % 2 == 0 {
            let mut index = 0;
            roots.retain(|_| {
                index += 1;
                index % 3 != 0
            });
        } else {
            roots.extend((0..2000).map(|n| (n, m.root(m.alloc(n)))));
        }
        assert!(roots.iter().all(|(n, root)| *root.get(&m) == *n));
    }
}
