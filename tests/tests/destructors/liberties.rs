//! Destructors may drop roots, heaps and mutators, ask and allocate, and run once each, never in a pause.

use std::{
    cell::RefCell,
    mem,
    rc::Rc,
    sync::Arc,
    thread::{self, ThreadId},
};

use gc_core::{Collect, Gc, GcCell, Heap, Mutator, Root, Slot, Trace};
use gc_tests::{
    heaps::{calm, checked, settle, wait_until},
    ledger::{Ledger, Token},
    runs::Runs,
};
use parking_lot::Mutex;

fn heap() -> Heap {
    checked().build().unwrap()
}

#[test]
fn a_destructor_drops_roots_of_its_own_and_another_heap() {
    let (one, other) = (heap(), heap());
    let ledger = Ledger::default();
    let m = other.attach().unwrap();
    let foreign = (m.root(m.alloc(ledger.token())), m.root((ledger.token(), [1_u8; 64])));
    drop(m);
    let mut m = one.attach().unwrap();
    let own = (m.root(m.alloc(ledger.token())), m.root((ledger.token(), [1_u8; 64])));
    m.alloc(Runs::new(move || drop((foreign, own))));
    m.collect(Collect::Full);
    settle(&one);
    m.collect(Collect::Full);
    settle(&one);
    drop(m);
    let mut m = other.attach().unwrap();
    m.collect(Collect::Full);
    settle(&other);
    ledger.assert_all_once();
}

#[test]
fn a_heap_that_its_own_object_holds_ends_with_that_object() {
    let ledger = Ledger::default();
    let heap = heap();
    let mut m = heap.attach().unwrap();
    m.alloc((
        Runs::new({
            let heap = heap.clone();
            move || drop(heap)
        }),
        ledger.token(),
    ));
    m.alloc(ledger.token());
    drop(heap);
    m.collect(Collect::Full);
    drop(m);
    wait_until("the heap has ended", || ledger.dropped() == 2);
    ledger.assert_all_once();
}

#[test]
fn the_last_handle_may_be_dropped_by_the_heap_s_own_event_hook() {
    let ledger = Ledger::default();
    let last: Arc<Mutex<Option<Heap>>> = Arc::default();
    let theirs = Arc::clone(&last);
    let detached = Arc::new(std::sync::Barrier::new(2));
    let wait = Arc::clone(&detached);
    let heap = checked()
        .on_event(gc_core::Level::Debug, move |_| {
            if let Some(heap) = theirs.lock().take() {
                wait.wait();
                drop(heap);
            }
        })
        .build()
        .unwrap();
    *last.lock() = Some(heap.clone());
    let mut m = heap.attach().unwrap();
    m.alloc(ledger.token());
    let root = m.root(m.alloc(ledger.token()));
    m.collect(Collect::Young);
    drop((root, m, heap));
    detached.wait();
    wait_until("the heap has ended", || ledger.dropped() == 2);
}

#[test]
fn heaps_in_objects_of_heaps_end_from_the_outside_in() {
    let ledger = Ledger::default();
    let mut inner: Option<Heap> = None;
    for _ in 0..20 {
        let heap = heap();
        let m = heap.attach().unwrap();
        m.alloc(ledger.token());
        let held = inner.take();
        m.alloc(Runs::new(move || drop(held)));
        drop(m);
        inner = Some(heap);
    }
    drop(inner);
    // Each ends on the thread of the one around it, which waits for nobody.
    wait_until("all heaps have ended", || ledger.dropped() == 20);
    ledger.assert_all_once();
}

#[test]
fn two_heaps_whose_objects_hold_each_other_let_go_by_a_collection() {
    let ledger = Ledger::default();
    let (one, other) = (heap(), heap());
    for (heap, held) in [(&one, &other), (&other, &one)] {
        let mut m = heap.attach().unwrap();
        let held = held.clone();
        m.alloc((Runs::new(move || drop(held)), ledger.token()));
        m.collect(Collect::Full);
    }
    drop((one, other));
    wait_until("both heaps have ended", || ledger.dropped() == 2);
}

thread_local! {
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
    static SHARED: RefCell<Option<Rc<Mutator>>> = const { RefCell::new(None) };
    static CELL: RefCell<Option<CellRoot>> = const { RefCell::new(None) };
}

type CellRoot = Root<Gc<'static, GcCell<Runs>>>;

#[test]
fn a_root_that_is_dropped_may_drop_its_mutator() {
    for in_the_state in [false, true] {
        let heap = heap();
        let ledger = Ledger::default();
        let mut m = heap.attach().unwrap();
        let object = m.root(m.alloc(ledger.token()));
        let runs = Runs::new(|| drop(MUTATOR.take()));
        let state = m.root((runs, ledger.token(), vec![object.get(&m)]));
        m.collect(Collect::Young);
        MUTATOR.set(Some(m));
        if in_the_state {
            drop((state, object));
        } else {
            drop((object, state));
        }
        let mut m = heap.attach().expect("the destructor has detached this thread");
        m.collect(Collect::Full);
        settle(&heap);
        ledger.assert_all_once();
    }
}

#[test]
fn a_root_that_is_dropped_may_collect() {
    let heap = heap();
    let ledger = Ledger::default();
    let m = heap.attach().unwrap();
    let others: Vec<_> = (0..1000).map(|_| m.root(m.alloc(ledger.token()))).collect();
    let collects = Runs::new(|| {
        MUTATOR.with_borrow_mut(|m| {
            let m = m.as_mut().unwrap();
            for _ in 0..3 {
                let root = m.root(m.alloc(1_u64));
                m.collect(Collect::Full);
                assert_eq!(*root.get(m), 1);
            }
        });
    });
    let state = m.root((vec![others[5].get(&m)], collects, vec![others[6].get(&m)]));
    MUTATOR.set(Some(m));
    drop(state);
    let m = MUTATOR.take().unwrap();
    assert!(others.iter().enumerate().all(|(index, root)| root.get(&m).number() == index));
    assert_eq!(ledger.dropped(), 0);
}

#[test]
fn what_a_cell_lets_go_of_may_use_the_cell() {
    let heap = heap();
    let m = Rc::new(heap.attach().unwrap());
    let root = m.root(m.alloc(GcCell::new(Runs::nothing())));
    CELL.set(Some(root.clone_in(&m)));
    SHARED.set(Some(Rc::clone(&m)));
    let cell = root.get(&m);
    fn sets_again(depth: u32) -> Runs {
        Runs::new(move || {
            let m = SHARED.with_borrow(|m| m.as_ref().map(Rc::clone)).unwrap();
            let root = CELL.with_borrow(|root| root.as_ref().unwrap().clone_in(&m));
            let next = if depth == 0 { Runs::nothing() } else { sets_again(depth - 1) };
            root.get(&m).set(&m, next);
            m.alloc_slice_with(10, |_| m.alloc([0_u64; 100]));
        })
    }
    for depth in 0..5 {
        cell.set(&m, sets_again(depth));
    }
    let old = mem::replace(&mut *cell.borrow_mut(&m), sets_again(3));
    // Not before: the guard would be in its way.
    drop(old);
    cell.set(&m, Runs::nothing());
    CELL.take();
    SHARED.take();
    let mut m = Rc::into_inner(m).unwrap();
    m.collect(Collect::Full);
    drop(root.get(&m).borrow(&m));
}

#[test]
fn what_a_root_lets_go_of_may_use_the_mutator() {
    let heap = heap();
    let m = Rc::new(heap.attach().unwrap());
    SHARED.set(Some(Rc::clone(&m)));
    let mut state = m.root(Runs::nothing());
    for _ in 0..10 {
        state.set(
            &m,
            Runs::new(|| {
                let m = SHARED.with_borrow(|m| m.as_ref().map(Rc::clone)).unwrap();
                let root = m.root((Runs::nothing(), m.alloc_str("while another is dropped")));
                assert_eq!(&*root.borrow(&m).1, "while another is dropped");
            }),
        );
    }
    drop(state);
    SHARED.take();
    Rc::into_inner(m).unwrap().collect(Collect::Full);
}

#[test]
fn a_destructor_may_ask_and_set_whatever_a_handle_offers() {
    let heap = heap();
    let asked = Ledger::default();
    let mut m = heap.attach().unwrap();
    for _ in 0..10 {
        let (heap, token) = (heap.clone(), asked.token());
        m.alloc(Runs::new(move || {
            assert!(heap.stats().drops_pending > 0);
            heap.set_thresholds(heap.thresholds()).unwrap();
            heap.set_hard_limit(heap.hard_limit());
            heap.set_soft_limit(heap.soft_limit());
            heap.set_auto(heap.is_auto());
            assert!(heap.attach().is_err() && format!("{heap:?}").contains("memory_bytes"));
            drop(token);
        }));
        m.collect(Collect::Full);
    }
    settle(&heap);
    asked.assert_all_once();
}

#[test]
fn no_destructor_runs_inside_a_safepoint() {
    let heap = calm().build().unwrap();
    let ran: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
    let mut m = heap.attach().unwrap();
    while heap.stats().collections.young < 3 {
        let ran = Arc::clone(&ran);
        m.alloc((Runs::new(move || ran.lock().push(thread::current().id())), [0_u64; 50]));
        m.safepoint();
    }
    settle(&heap);
    let ran = ran.lock();
    assert!(ran.len() > 1000 && !ran.contains(&thread::current().id()));
}

#[test]
fn a_safepoint_with_a_lock_held_that_destructors_want_goes_on() {
    let heap = calm().build().unwrap();
    let lock = Arc::new(Mutex::new(0));
    let mut m = heap.attach().unwrap();
    let held = lock.lock();
    while heap.stats().collections.young < 3 {
        let lock = Arc::clone(&lock);
        m.alloc((Runs::new(move || *lock.lock() += 1), [0_u64; 50]));
        m.safepoint();
    }
    drop(held);
    settle(&heap);
    assert!(*lock.lock() > 1000);
}

#[derive(Trace)]
struct Link<'gc> {
    token: Token,
    next: Slot<'gc, Link<'gc>>,
}

#[test]
fn everything_is_dropped_once_when_a_heap_ends_wherever_it_lies() {
    for keep in [false, true] {
        let heap = heap();
        let ledger = Ledger::default();
        let mut m = heap.attach().unwrap();
        let mut roots = Vec::new();
        let link = |m: &Mutator| m.root(m.alloc(Link { token: ledger.token(), next: Slot::null() }));
        for generation in [Collect::Full, Collect::Young, Collect::Young] {
            // Old, then survivors; small, large, slices of both sizes; garbage beside.
            roots.extend((0..20).map(|_| link(&m)));
            let large = m.root(m.alloc((ledger.token(), [0_u64; 4000])));
            let slices = [3, 900].map(|len| m.root(m.alloc_slice_with(len, |_| ledger.token())));
            m.alloc(ledger.token());
            m.collect(generation);
            if keep {
                drop((large, slices));
            }
        }
        m.alloc((ledger.token(), [0_u64; 4000]));
        m.alloc(ledger.token());
        let state = m.root((ledger.token(), vec![m.alloc(ledger.token())]));
        drop((m, heap));
        drop((roots, state));
        ledger.assert_all_once();
    }
}
