//! A collection that is due belongs to the heap: it happens at the next safepoint, on entry to or exit from `blocked`, when a mutator
//! detaches, and without any of them where all are blocked.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::mpsc,
    thread,
    time::Duration,
};

use gc_core::{Collect, Gc, Level, Mutator, Stats, blocking};
use gc_tests::heaps::{calm, wait_until};

fn collections(stats: &Stats) -> u64 {
    stats.collections.total()
}

/// Allocates until a collection is due.
fn use_up(m: &Mutator) {
    while !m.safepoint_pending() {
        m.alloc([0_u64; 20]);
    }
}

#[test]
fn entering_and_leaving_blocked_are_safepoints() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    use_up(&m);
    m.blocked(|| assert_eq!(collections(&heap.stats()), 1, "on entry"));
    assert!(!m.safepoint_pending());
    heap.set_auto(false);
    m.blocked(|| {
        // Becomes due where no mutator runs. (The concurrent thread may be faster than the exit.)
        let _held = heap.external_bytes(1 << 30);
        heap.set_auto(true);
    });
    // What was set asks for a safepoint, too, where nothing may be due any more.
    let before = collections(&heap.stats());
    wait_until("what is due is collected", || {
        use_up(&m);
        blocking::sleep(&mut m, Duration::ZERO);
        collections(&heap.stats()) > before
    });
}

#[test]
fn a_mutator_that_ends_collects_what_is_due_also_while_it_unwinds() {
    let heap = calm().nursery_bytes(256 << 10).build().unwrap();
    let m = heap.attach().unwrap();
    use_up(&m);
    drop(m);
    assert_eq!(collections(&heap.stats()), 1);
    let m = heap.attach().unwrap();
    assert!(!m.safepoint_pending());
    let panicked = panic::catch_unwind(AssertUnwindSafe(move || {
        use_up(&m);
        panic!("a request that fails");
    }));
    assert!(panicked.is_err());
    assert_eq!(collections(&heap.stats()), 2);
    // What is in hand counts, though nobody took the slow path for it.
    for _ in 0..2000 {
        heap.attach().unwrap().alloc([0_u64; 31]);
    }
    assert!((3..=5).contains(&collections(&heap.stats())), "{:?}", heap.stats().collections);
}

#[test]
fn what_becomes_due_while_all_are_blocked_is_done_without_them() {
    let heap = calm().build().unwrap();
    let (attached, all_attached) = mpsc::channel();
    let (end, ends) = crossbeam_channel::bounded::<()>(0);
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let (heap, attached, ends) = (heap.clone(), attached.clone(), ends.clone());
            thread::spawn(move || {
                let mut m = heap.attach().unwrap();
                m.alloc([1_u8; 1000]);
                attached.send(()).unwrap();
                let _ = blocking::crossbeam::recv(&mut m, &ends);
            })
        })
        .collect();
    (0..3).for_each(|_| all_attached.recv().unwrap());
    let held = heap.external_bytes(1 << 30);
    wait_until("the memory outside the heap was answered by a major cycle", || heap.stats().collections.full > 0);
    drop((held, end));
    waiting.into_iter().for_each(|waits| waits.join().unwrap());
}

/// A thread that runs and never polls is not waited for, nor reported, by a collection that nobody waits for.
#[test]
fn what_becomes_due_waits_for_nobody_who_runs() {
    let (tell, told) = mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let heap = calm().late_after(Duration::from_millis(1)).on_event(Level::Warning, move |event| {
        let _ = tell.lock().unwrap().send(event.clone());
    });
    let heap = heap.build().unwrap();
    let mut m = heap.attach().unwrap();
    let there = heap.clone();
    let held = thread::spawn(move || there.external_bytes(1 << 30)).join().unwrap();
    wait_until("this mutator is asked", || m.safepoint_pending());
    // Runs on, and meets no stop: a second thread may attach only after this one's safepoint.
    thread::sleep(Duration::from_millis(50));
    assert_eq!(collections(&heap.stats()), 0);
    m.safepoint();
    // A cycle counts when it has ended.
    m.blocked(|| wait_until("its own safepoint has begun a cycle", || collections(&heap.stats()) > 0));
    assert_eq!(told.try_iter().collect::<Vec<_>>().len(), 0, "no warning");
    drop(held);
}

#[test]
fn a_refused_allocation_gets_its_cycle_though_its_mutator_blocks_or_goes() {
    let fill = |m: &mut Mutator| {
        let mut kept = m.root(Vec::<Gc<[u8; 4096]>>::new());
        while let Ok(page) = m.try_alloc([0; 4096]) {
            kept.get_mut(m).push(page);
            if kept.borrow(m).len().is_multiple_of(50) {
                m.collect(Collect::Promote);
            }
        }
    };
    for blocks in [true, false] {
        let heap = calm().hard_limit(32 << 20).auto(false).build().unwrap();
        let mut m = heap.attach().unwrap();
        fill(&mut m); // and lets go of everything
        let before = heap.stats().collections.full;
        if blocks {
            m.blocked(|| ());
            assert!(heap.stats().collections.full > before, "leaving `blocked` waits for the end of the cycle");
            assert!(m.try_alloc([0_u8; 4096]).is_ok());
        } else {
            drop(m);
            wait_until("the cycle has ended", || heap.stats().collections.full > before);
            assert!(heap.attach().unwrap().try_alloc([0_u8; 4096]).is_ok());
        }
    }
}

thread_local! {
    static KEPT: RefCell<Option<Mutator>> = const { RefCell::new(None) };
}

/// The process may be about to exit while thread-locals are destroyed, so nobody is waited for there.
#[test]
fn a_mutator_in_a_thread_local_leaves_what_is_due_to_the_heap() {
    let heap = calm().build().unwrap();
    let m = heap.attach().unwrap();
    let there = heap.clone();
    // This thread runs and does not poll: if the other one led at its end, it would wait.
    let (attached, is_attached) = mpsc::channel();
    drop(m);
    let ends = thread::spawn(move || {
        KEPT.with(|kept| {
            let m = kept.borrow_mut().insert(there.attach().unwrap()).safepoint_pending();
            assert!(!m);
        });
        KEPT.with(|kept| use_up(kept.borrow().as_ref().unwrap()));
        attached.send(()).unwrap();
    });
    is_attached.recv().unwrap();
    ends.join().unwrap();
    wait_until("the heap has done it", || collections(&heap.stats()) > 0);
}

/// A thread that blocks again and again is not held up each time by another one that takes long to poll.
#[test]
fn blocking_beside_a_thread_that_does_not_poll_is_held_up_once() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (attached, is_attached) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let there = heap.clone();
    let slow = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        attached.send(()).unwrap();
        ends.recv().unwrap(); // runs, and does not poll
        m.safepoint();
    });
    blocking::recv(&mut m, &is_attached).unwrap();
    use_up(&m);
    let start = std::time::Instant::now();
    for _ in 0..1000 {
        m.blocked(|| ());
        m.alloc(0);
    }
    let took = start.elapsed();
    assert_eq!(collections(&heap.stats()), 0);
    end.send(()).unwrap();
    // The slow one does it, or the heap's own thread when nobody runs.
    m.blocked(|| {
        slow.join().unwrap();
        wait_until("somebody has collected", || collections(&heap.stats()) > 0);
    });
    assert!(took < Duration::from_secs(5), "{took:?} for a thousand waits of nothing");
}
