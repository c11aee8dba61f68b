//! What `drain_drops` waits for: that what was dead has left its tables.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use gc_core::{Collect, Interner, Leaf, WeakSet, blocking};
use gc_tests::{
    heaps::{TIMEOUT, calm},
    sizes::scaled,
};

/// Another thread has entries found dead meanwhile, for which a second removal is posted. The first one runs out of time, and leaves its rest to the
/// second.
#[test]
fn the_rest_that_a_later_removal_takes_over() {
    const MANY: u64 = 100_000;
    // Long enough to attach, and too short for all.
    let heap = calm().slow_destructor(Duration::from_millis(10)).build().unwrap();
    let stop = AtomicBool::new(false);
    let mut m = heap.attach().unwrap();
    let early = blocking::scope(&mut m, |scope| {
        let other = scope.spawn(|| {
            let mut m = heap.attach().unwrap();
            let other = m.root(WeakSet::<u64>::new(&m));
            while !stop.load(Relaxed) {
                for n in 0..10 {
                    other.get(&m).insert(&m, m.alloc(n));
                }
                m.collect(Collect::Young);
                m.blocked(|| std::thread::sleep(Duration::from_millis(1)));
            }
        });
        let this = scope.spawn(|| {
            let mut m = heap.attach().unwrap();
            let mut early = Vec::new();
            for _ in 0..3 {
                let numbers = m.root(Interner::<u64>::new(&m));
                for n in 0..scaled(MANY) {
                    numbers.get(&m).intern(&m, n);
                    if n % 64 == 0 {
                        m.safepoint();
                    }
                }
                m.collect(Collect::Full);
                m.drain_drops(TIMEOUT).unwrap();
                early.push(numbers.get(&m).len());
            }
            stop.store(true, Relaxed);
            early
        });
        other.join().unwrap();
        this.join().unwrap()
    });
    assert!(early.iter().all(|&left| left == 0), "left after drain_drops: {early:?}");
}

/// With the default settings, a thread that reaches no safepoint for half a second after its collection, and then drains.
#[test]
fn entries_whose_removal_could_not_attach() {
    for generation in [Collect::Young, Collect::Full] {
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        let numbers = m.root(Interner::<u64>::new(&m));
        for n in 0..100 {
            numbers.get(&m).intern(&m, n);
        }
        m.collect(generation);
        std::thread::sleep(Duration::from_millis(700));
        m.drain_drops(TIMEOUT).unwrap();
        assert_eq!(numbers.get(&m).len(), 0, "{generation:?}");
    }
}

/// Threads collect and drain: what one has found dead is waited for, though another one, which shared the pause, is about to post the removal.
#[test]
fn a_removal_that_another_thread_begins() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let rounds = scaled(1000);
    let early: Vec<u64> = blocking::scope(&mut m, |scope| {
        let heap = &heap;
        let work = move || {
            let mut m = heap.attach().unwrap();
            let set = m.root(WeakSet::<u64>::new(&m));
            let mut early = 0;
            for round in 0..rounds {
                set.get(&m).insert(&m, m.alloc(round));
                m.collect(Collect::Young);
                m.drain_drops(TIMEOUT).unwrap();
                early += u64::from(!set.get(&m).is_empty());
            }
            early
        };
        let threads = [(); 4].map(|()| scope.spawn(work));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(early, [0; 4], "of {rounds} rounds");
}

/// It gives up in time, and says what is left: here the removal waits behind a destructor, which has all the time that it wants.
#[test]
fn no_longer_than_it_is_told() {
    struct Waits(Arc<parking_lot::Mutex<()>>);
    impl Drop for Waits {
        fn drop(&mut self) {
            drop(self.0.lock());
        }
    }
    let heap = calm().slow_destructor(TIMEOUT).build().unwrap();
    let mut m = heap.attach().unwrap();
    let numbers = m.root(Interner::<u64>::new(&m));
    let gate = Arc::new(parking_lot::Mutex::new(()));
    let closed = gate.lock();
    m.alloc(Leaf(Waits(gate.clone())));
    (0..100).for_each(|n| _ = numbers.get(&m).intern(&m, n));
    m.collect(Collect::Young);
    for timeout in [Duration::ZERO, Duration::from_millis(50)] {
        assert!(m.drain_drops(timeout).is_err_and(|left| left.values > 0));
        assert_eq!(numbers.get(&m).len(), 100);
    }
    drop(closed);
    m.drain_drops(TIMEOUT).unwrap();
    assert_eq!(numbers.get(&m).len(), 0);
}
