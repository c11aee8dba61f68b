//! Memory held elsewhere is counted and asked for from every place in which a program may run: destructors, hooks, constructors,
//! thread-locals that end, other heaps, and after the heap's end.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use gc_core::{Collect, ExternalBytes, Heap, Level, Trace};
use gc_tests::{
    heaps::{calm, settle, wait_until},
    sizes::scaled,
};
use parking_lot::Mutex;

/// Grows what it is given when it is dropped.
#[derive(Trace)]
#[trace(leaf)]
struct Grows(Arc<Mutex<Vec<ExternalBytes>>>, usize);

impl Drop for Grows {
    fn drop(&mut self) {
        self.0.lock().iter_mut().for_each(|held| held.set(held.get() + self.1));
    }
}

fn collections(heap: &Heap) -> u64 {
    heap.stats().collections.total()
}

#[test]
fn a_destructor_that_holds_more_asks_for_a_collection_each_time_and_no_more() {
    let heap = calm().build().unwrap();
    let held = Arc::new(Mutex::new(vec![heap.external_bytes(0)]));
    let mut m = heap.attach().unwrap();
    for _ in 0..100 {
        m.alloc(Grows(held.clone(), 64 << 20));
        m.collect(Collect::Young);
    }
    m.blocked(|| settle(&heap));
    m.collect(Collect::Full);
    // All of it is live: collections end.
    m.blocked(|| {
        let mut before = collections(&heap);
        wait_until("the heap is quiet", || {
            thread::sleep(Duration::from_millis(200));
            core::mem::replace(&mut before, collections(&heap)) == collections(&heap)
        });
    });
    assert_eq!(held.lock()[0].get(), 100 * (64 << 20));
    held.lock().clear();
    assert!(heap.stats().memory_bytes < 64 << 20);
}

#[test]
fn what_is_held_outlives_the_heap_and_lies_in_another_one() {
    let (one, two) = (calm().build().unwrap(), calm().build().unwrap());
    #[derive(Trace)]
    struct Holds {
        #[trace(skip)]
        held: ExternalBytes,
    }
    let of_one = one.external_bytes(1 << 30);
    let mut m = two.attach().unwrap();
    let kept = m.root(m.alloc(Holds { held: of_one }));
    let mut later = one.external_bytes(5);
    drop(one);
    later.set(1 << 40);
    later.set(0);
    later.set(7);
    assert_eq!(kept.get(&m).held.get(), 1 << 30);
    drop(kept);
    m.collect(Collect::Full);
    m.blocked(|| settle(&two));
    assert!(two.stats().memory_bytes < 64 << 20);
    drop((later, m, two));
}

thread_local! {
    static LATE: RefCell<Option<(ExternalBytes, Heap)>> = const { RefCell::new(None) };
    static ENDS: Ends = const { Ends };
}

struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = LATE.try_with(|late| {
            if let Some((held, heap)) = late.borrow_mut().as_mut() {
                held.set(2 << 30);
                drop(heap.external_bytes(1 << 30));
            }
        });
    }
}

#[test]
fn a_hook_a_constructor_and_a_thread_that_ends_may_hold_more() {
    static HEAP: OnceLock<Heap> = OnceLock::new();
    static HELD: Mutex<Vec<ExternalBytes>> = Mutex::new(Vec::new());
    let heap = calm().on_event(Level::Debug, |_| {
        if let Some(heap) = HEAP.get() {
            HELD.lock().push(heap.external_bytes(1 << 20));
        }
    });
    let heap = HEAP.get_or_init(|| heap.build().unwrap());
    let mut m = heap.attach().unwrap();
    for round in 0..scaled(50) as usize {
        m.alloc_with(|| {
            let held = m.external_bytes(100 << 20);
            let also = heap.external_bytes(100 << 20);
            drop((held, also));
            [round; 5]
        });
        m.safepoint();
    }
    m.blocked(|| {
        thread::spawn(|| {
            LATE.set(Some((heap.external_bytes(1), heap.clone())));
            ENDS.with(|_| ());
        })
        .join()
        .unwrap();
    });
    drop(m);
    settle(heap);
}

/// The heap ends while its thread is asked to collect.
#[test]
fn a_heap_ends_while_it_is_asked() {
    for round in 0..scaled(300) {
        let heap = calm().build().unwrap();
        let m = (round % 3 == 0).then(|| heap.attach().unwrap());
        let mut held = heap.external_bytes(1 << 30);
        let there = heap.clone();
        let asks = thread::spawn(move || {
            for n in 0..round as usize % 5 {
                held.set((2 + n) << 30);
            }
            drop(there);
            held.set(9 << 30);
        });
        drop(m);
        drop(heap);
        asks.join().unwrap();
    }
}
