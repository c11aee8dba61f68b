//! User code may panic wherever it runs; the heap stays whole and every value is dropped once.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use gc_core::{Collect, Gc, GcCell, Heap, Level, Mutator, Slot, Trace};
use gc_tests::{
    heaps::{checked, settle, wait_until},
    ledger::{Ledger, Token},
};
use parking_lot::Mutex;

fn heap() -> Heap {
    checked().build().unwrap()
}

/// A panic that is no news to anybody.
fn stop() -> ! {
    resume_unwind(Box::new("stop"))
}

fn stops(run: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("this panics");
    assert_eq!(payload.downcast_ref(), Some(&"stop"));
}

fn collect_all(m: &mut Mutator) {
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        m.collect(generation);
    }
    settle(&m.heap());
}

#[derive(Trace)]
struct Node<'gc> {
    token: Token,
    next: Slot<'gc, Node<'gc>>,
}

#[test]
fn a_closure_that_panics_leaves_no_object() {
    let heap = heap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let kept = m.root(m.alloc(Node { token: ledger.token(), next: Slot::null() }));
    for _ in 0..100 {
        stops(|| _ = m.alloc_with::<Node>(|| stop()));
        stops(|| _ = m.alloc_with::<[u64; 5000]>(|| stop()));
        stops(|| {
            let owned = ledger.token();
            m.alloc_with::<Node>(|| {
                drop(owned);
                stop()
            });
        });
    }
    collect_all(&mut m);
    assert_eq!(heap.stats().old_objects, 1);
    assert_eq!(kept.get(&m).token.number(), 0);
    ledger.assert_live(|token| token == 0);
}

#[test]
fn large_objects_that_are_never_made_take_no_memory() {
    let heap = heap();
    let m = heap.attach().unwrap();
    stops(|| _ = m.alloc_with::<[u64; 100_000]>(|| stop()));
    let before = heap.stats().memory_bytes;
    for _ in 0..1000 {
        stops(|| _ = m.alloc_with::<[u64; 100_000]>(|| stop()));
        stops(|| _ = m.alloc_slice_with::<Node>(10_000, |_| stop()));
    }
    assert_eq!(heap.stats().memory_bytes, before);
}

#[test]
fn a_slice_that_panics_half_way_drops_what_was_written() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    for len in [1, 2, 100, 1000] {
        for at in [0, len / 3, len / 2, len - 1] {
            let ledger = Ledger::default();
            stops(|| {
                m.alloc_slice_with(len, |index| {
                    if index == at { stop() } else { Node { token: ledger.token(), next: Slot::null() } }
                });
            });
            assert_eq!(ledger.made(), at);
            ledger.assert_all_once();
            m.collect(Collect::Young);
        }
    }
    collect_all(&mut m);
    assert_eq!(heap.stats().old_objects, 0);
}

#[test]
fn a_zero_sized_element_is_dropped_as_often_as_it_was_written() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    #[derive(Trace)]
    #[trace(leaf)]
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }
    let heap = heap();
    let mut m = heap.attach().unwrap();
    stops(|| _ = m.alloc_slice_with(usize::MAX, |index| if index == 10 { stop() } else { Nothing }));
    assert_eq!(DROPS.load(Ordering::Relaxed), 10);
    let root = m.root(m.alloc_slice_with(5, |_| Nothing));
    collect_all(&mut m);
    assert_eq!((root.get(&m).len(), DROPS.load(Ordering::Relaxed)), (5, 10));
    drop(root);
    collect_all(&mut m);
    assert_eq!(DROPS.load(Ordering::Relaxed), 15);
}

/// An iterator that promises another number than it yields.
struct Lies<'a> {
    promised: usize,
    yields: usize,
    ledger: &'a Ledger,
}

impl<'a> Iterator for Lies<'a> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.yields = self.yields.checked_sub(1)?;
        Some(self.ledger.token())
    }
}

impl ExactSizeIterator for Lies<'_> {
    fn len(&self) -> usize {
        self.promised
    }
}

#[test]
fn an_iterator_that_ends_early_is_told_so() {
    let heap = heap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    for (promised, yields) in [(1, 0), (10, 9), (5000, 3)] {
        let lies = Lies { promised, yields, ledger: &ledger };
        let payload = catch_unwind(AssertUnwindSafe(|| _ = m.alloc_slice_from_iter(lies))).unwrap_err();
        let message = payload.downcast_ref::<String>().unwrap();
        assert!(message.contains(&format!("expected an iterator of {promised} elements")), "{message}");
        assert!(message.contains(&format!("found one of {yields}")), "{message}");
    }
    ledger.assert_all_once();
    collect_all(&mut m);
    assert_eq!(heap.stats().old_objects, 0);
}

#[test]
fn an_iterator_that_goes_on_keeps_the_rest() {
    let heap = heap();
    let ledger = Ledger::default();
    let m = heap.attach().unwrap();
    let mut lies = Lies { promised: 3, yields: 5, ledger: &ledger };
    let slice = m.alloc_slice_from_iter(&mut lies);
    assert_eq!((slice.len(), ledger.made(), lies.count()), (3, 3, 2));
    assert_eq!(ledger.dropped(), 2);
    drop((m, heap));
    ledger.assert_all_once();
}

#[test]
fn an_iterator_that_promises_more_than_there_is_is_given_back() {
    let heap = heap();
    let ledger = Ledger::default();
    let m = heap.attach().unwrap();
    for promised in [usize::MAX, usize::MAX / size_of::<Token>(), isize::MAX as usize / 32, 1 << 50] {
        let error = m.try_alloc_slice_from_iter(Lies { promised, yields: 3, ledger: &ledger }).unwrap_err();
        assert_eq!(error.into_value().count(), 3);
    }
    ledger.assert_all_once();
}

#[test]
fn allocating_while_an_object_is_made_is_like_allocating_before() {
    let heap = heap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let chain = |m: &Mutator, ledger: &Ledger| {
        // Several chunks' worth, and large ones among them.
        m.alloc_slice_with(100, |_| m.alloc_with(|| [m.alloc([1_u64; 1000]); 4]));
        ledger.token()
    };
    let root = m.root(m.alloc_slice_with(50, |_| Node { token: chain(&m, &ledger), next: Slot::null() }));
    let deep = m.root(m.alloc_with(|| m.alloc_with(|| m.alloc_slice_with(2, |_| m.alloc_with(|| chain(&m, &ledger))))));
    stops(|| {
        m.alloc_slice_with(50, |at| {
            let token = chain(&m, &ledger);
            if at == 40 { stop() } else { m.alloc_with(|| token) }
        });
    });
    m.collect(Collect::Young);
    assert!(root.get(&m).iter().enumerate().all(|(index, node)| node.token.number() == index));
    collect_all(&mut m);
    assert!(root.get(&m).iter().enumerate().all(|(index, node)| node.token.number() == index));
    assert_eq!(deep.get(&m)[1].number(), 51);
    ledger.assert_live(|token| token < 52);
}

/// Panics when it is dropped.
#[derive(Trace)]
#[trace(leaf)]
struct Bomb(Ledger);

impl Drop for Bomb {
    fn drop(&mut self) {
        drop(self.0.token());
        resume_unwind(Box::new(WorseBomb));
    }
}

/// A panic's payload that panics when it is dropped.
struct WorseBomb;

impl Drop for WorseBomb {
    fn drop(&mut self) {
        stop()
    }
}

#[test]
fn destructors_that_panic_are_counted_and_the_rest_goes_on() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let heap = checked().on_event(Level::Warning, move |event| tell.lock().push(event.to_string())).build().unwrap();
    let (ledger, bombs) = (Ledger::default(), Ledger::default());
    let mut m = heap.attach().unwrap();
    for round in 0..10 {
        m.alloc(Bomb(bombs.clone()));
        m.alloc((Bomb(bombs.clone()), ledger.token(), [0_u64; 2000]));
        m.alloc_slice_with(100, |_| Bomb(bombs.clone()));
        m.alloc_slice_with(3000, |_| (Bomb(bombs.clone()), ledger.token()));
        m.alloc(ledger.token());
        if round % 2 == 0 {
            m.collect(Collect::Promote);
        }
    }
    collect_all(&mut m);
    assert_eq!(bombs.made(), 10 * 3102);
    ledger.assert_all_once();
    assert_eq!(heap.stats().drops_panicked, 10 * 3102);
    let reported = |told: &Vec<String>| {
        told.iter().any(|event| event.starts_with("destructor_panicked") && event.contains("Bomb"))
    };
    wait_until("a panic is reported", || reported(&told.lock()));
    // The heap's end is no different.
    let root = m.root(m.alloc_slice_with(10, |_| Bomb(bombs.clone())));
    m.collect(Collect::Full);
    m.alloc(Bomb(bombs.clone()));
    m.alloc(ledger.token());
    drop((m, heap, root));
    assert_eq!(bombs.made(), 10 * 3102 + 11);
    ledger.assert_all_once();
}

#[test]
fn a_state_whose_destructor_panics_is_counted_like_any_value() {
    for elsewhere in [false, true] {
        let heap = heap();
        let bombs = Ledger::default();
        let mut m = heap.attach().unwrap();
        let state = m.root((Bomb(bombs.clone()), vec![m.alloc(1)]));
        let outcome =
            catch_unwind(AssertUnwindSafe(|| if elsewhere { m.blocked(|| drop(state)) } else { drop(state) }));
        std::mem::forget(outcome);
        collect_all(&mut m);
        assert_eq!(bombs.made(), 1);
        assert_eq!(heap.stats().drops_panicked, 1, "dropped elsewhere: {elsewhere}");
    }
}

#[test]
fn an_event_hook_that_panics_is_called_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let hook = move |_: &_| {
        count.fetch_add(1, Ordering::Relaxed);
        resume_unwind(Box::new(WorseBomb));
    };
    let heap = checked().on_event(Level::Debug, hook).build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..10 {
        m.collect(Collect::Young);
    }
    wait_until("ten events were told", || calls.load(Ordering::Relaxed) == 10);
}

#[test]
fn a_panic_while_blocked_comes_back_to_a_running_mutator() {
    let heap = heap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    for _ in 0..3 {
        let root = m.root((ledger.token(), m.alloc(ledger.token())));
        stops(|| m.blocked(|| stop()));
        // The owner runs again, so this drops at once.
        let before = ledger.dropped();
        drop(root);
        assert_eq!(ledger.dropped(), before + 1);
        collect_all(&mut m);
    }
    ledger.assert_all_once();
}

#[test]
fn a_cell_is_whole_after_a_panic_beside_it() {
    #[derive(Trace, Clone, Copy, PartialEq, Debug)]
    #[trace(leaf)]
    struct Panics(u8);
    impl Default for Panics {
        fn default() -> Self {
            stop()
        }
    }
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc((GcCell::new(Panics(1)), GcCell::new(Vec::<Gc<u64>>::new()))));
    let object = root.get(&m);
    stops(|| _ = object.0.take(&m));
    assert_eq!(object.0.get(&m), Panics(1));
    stops(|| {
        let mut guard = object.1.borrow_mut(&m);
        guard.push(m.alloc(5));
        stop()
    });
    stops(|| {
        let _guard = object.1.borrow(&m);
        stop()
    });
    assert_eq!(*object.1.borrow_mut(&m)[0], 5);
    collect_all(&mut m);
    assert_eq!(*root.get(&m).1.borrow(&m)[0], 5);
}

#[test]
fn a_value_that_the_limit_refuses_is_dropped_once() {
    let heap = checked().hard_limit(64 << 20).on_event(Level::Warning, |_| {}).build().unwrap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    heap.set_hard_limit(Some(0));
    for _ in 0..3 {
        let outcome = catch_unwind(AssertUnwindSafe(|| _ = m.alloc((ledger.token(), [0_u64; 5000]))));
        let payload = outcome.unwrap_err();
        let message = payload.downcast_ref::<String>().unwrap();
        assert!(message.contains("the hard limit is 0 bytes"), "{message}");
    }
    assert_eq!(ledger.made(), 3);
    ledger.assert_all_once();
    heap.set_hard_limit(None);
    collect_all(&mut m);
    m.alloc((ledger.token(), [0_u64; 5000]));
}
