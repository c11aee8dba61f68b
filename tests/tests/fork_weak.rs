//! Weak references, queues and callbacks in the child of a fork.
//! Alone in its process: only the thread that forks goes on in the child.

#![forbid(unsafe_code)]

use std::{
    cell::RefCell,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use gc_core::{Collect, FinalizationQueue, Gc, Interner, Leaf, ReferenceQueue};
use gc_tests::{
    forks::in_child,
    heaps::{TIMEOUT, calm, under, wait_until},
};

/// One test forks at a time.
static TURN: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

/// Its thread is gone in the child: nobody waits for that.
#[test]
fn a_child_ends_a_thread_of_callbacks_and_starts_another() {
    let _turn = TURN.lock();
    let heap = under("verify").idle_after(Duration::MAX).build().unwrap();
    let callbacks = heap.spawn_callbacks().unwrap();
    let there = heap.clone();
    let child = move || {
        drop(callbacks);
        let _callbacks = there.spawn_callbacks().unwrap();
        let mut m = there.attach().unwrap();
        let (send, receive) = mpsc::channel();
        m.on_death(m.alloc(1), move |_| send.send(7).unwrap());
        m.collect(Collect::Young);
        assert_eq!(m.blocked(|| receive.recv_timeout(TIMEOUT)), Ok(7));
    };
    in_child("weak", child, |wait| wait());
}

/// The thread that clears weak references is gone in the child: another one goes on where it was.
#[test]
fn a_child_goes_on_with_clearing() {
    let _turn = TURN.lock();
    const OBJECTS: u64 = 2000;
    for forks in 1..=4 {
        let heap = under("verify,slow-marker=8,full-every=1").auto(false).idle_after(Duration::MAX).build().unwrap();
        let mut m = heap.attach().unwrap();
        let (queue, dead) = (FinalizationQueue::<u64>::new(&heap), ReferenceQueue::new(&heap));
        let objects = m.alloc_slice_with(OBJECTS as usize, |n| m.alloc(n as u64));
        for &object in objects.iter() {
            queue.register(&m, object);
            dead.watch(&m, object, *object);
        }
        let first = m.root(Gc::downgrade(objects[0], &m));
        let objects = m.root(objects);
        m.collect(Collect::Full);
        drop(objects);
        m.collect(Collect::Young);
        wait_until("the first object is dead", || {
            m.safepoint();
            first.get(&m).is_dead(&m)
        });
        // Each time later in clearing.
        m.blocked(|| thread::sleep(Duration::from_micros(300 * forks)));
        let m = RefCell::new(m);
        let take = || {
            let m = &mut *m.borrow_mut();
            m.collect(Collect::Full);
            let (mut handed, mut told) = (vec![], vec![]);
            while let Some(object) = queue.poll(m) {
                handed.push(*object);
            }
            while let Some(number) = dead.poll() {
                told.push(number);
            }
            handed.sort_unstable();
            told.sort_unstable();
            assert!(handed.iter().copied().eq(0..OBJECTS) && told.iter().copied().eq(0..OBJECTS));
        };
        in_child("clearing", take, |wait| m.borrow_mut().blocked(wait));
        take();
    }
}

/// A thread that removes dead entries of a weak table is gone in the child: another one goes on there, and the heap ends.
#[test]
fn a_child_goes_on_with_removing_and_ends_the_heap() {
    let _turn = TURN.lock();
    const KEPT: u64 = 100;
    const DEAD: u64 = 50_000;
    for forks in 0..6 {
        let heap = calm().idle_after(Duration::MAX).build().unwrap();
        let mut m = heap.attach().unwrap();
        let alive = Arc::new(());
        m.alloc(Leaf(alive.clone()));
        let numbers = m.root(Interner::<u64>::new(&m));
        let mut kept = m.root(Vec::<Gc<u64>>::new());
        for n in 0..DEAD {
            let number = numbers.get(&m).intern(&m, n);
            if n < KEPT {
                kept.get_mut(&m).push(number);
            }
        }
        m.collect(Collect::Full);
        // Each time later in removing, and the first time before.
        m.blocked(|| thread::sleep(Duration::from_micros(1000 * forks)));
        let child = move || {
            m.collect(Collect::Full);
            m.collect(Collect::Full);
            m.drain_drops(TIMEOUT).unwrap();
            assert_eq!(numbers.get(&m).len(), KEPT as usize);
            assert!((0..KEPT).all(|n| Gc::ptr_eq(numbers.get(&m).intern(&m, n), kept.borrow(&m)[n as usize])));
            let weak = heap.downgrade();
            drop((numbers, kept, m, heap));
            assert!(weak.upgrade().is_none());
            wait_until("the heap ends", || Arc::strong_count(&alive) == 1);
        };
        in_child("removing", child, |wait| wait());
    }
}
