use core::{ffi::c_int, time::Duration};
use std::{panic, sync::mpsc, thread, time::Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::{AtomicBool, Collector, FORK, Ordering, RawLock, counted, first_locks, last_locks, raw, watch};
use crate::{Collect, Heap, Leaf, Mutator, Stress};
use parking_lot::lock_api::RawMutex as _;

unsafe extern "C" {
    fn fork() -> c_int;
    fn _exit(code: c_int) -> !;
}

/// Forks, and returns whether the child did `body` without a panic, in time.
fn in_child(body: impl FnOnce()) -> bool {
    // SAFETY: the child does what [fork.gone] says it may, and exits.
    let child = unsafe { fork() };
    if child == 0 {
        let done = panic::catch_unwind(panic::AssertUnwindSafe(body));
        // SAFETY: always.
        unsafe { _exit(done.is_err().into()) };
    }
    let (child, start) = (Pid::from_raw(child).expect("a child"), Instant::now());
    loop {
        if let Some((_, status)) = waitpid(Some(child), WaitOptions::NOHANG).unwrap() {
            return status.exit_status() == Some(0);
        }
        if start.elapsed() > Duration::from_secs(60) {
            kill_process(child, Signal::KILL).unwrap();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Has the heap's threads mark, sweep and drop.
fn use_each_thread(m: &mut Mutator) {
    m.alloc(Leaf(Box::new(1)));
    m.collect(Collect::Full);
    m.drain_drops(Duration::from_secs(60)).unwrap();
}

/// Other threads begin and end when this one forks, and have locks of std.
#[test]
fn a_child_starts_threads_whichever_lock_of_std_another_thread_held() {
    let heap = Heap::builder().stress(Stress::default()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    thread::spawn(|| {}).join().unwrap();
                }
            });
        }
        let done = (0..200).all(|_| in_child(|| use_each_thread(&mut m)));
        ends.store(true, Ordering::Relaxed);
        assert!(done);
    });
}

/// Returns every lock that a fork takes, by its place among them.
fn locks(collector: &Collector) -> Vec<&RawLock> {
    let of_heap = first_locks(collector).into_iter().chain(last_locks(collector));
    let last = [watch::lock_word(), collector.rendezvous.lock_word(), raw(&collector.registry)];
    let mut all: Vec<&RawLock> = of_heap.chain(last).collect();
    for lock in counted::lock_words() {
        all.push(lock);
    }
    all
}

/// Another thread has each of the locks in turn when this one forks.
#[test]
fn a_child_has_every_lock_whichever_another_thread_held() {
    let heap = Heap::builder().stress(Stress::default()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = m.root(m.alloc(7_u64));
    let collector = heap.collector();
    for index in 0..locks(collector).len() {
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                let lock = locks(collector)[index];
                lock.lock();
                tell.send(()).unwrap();
                while !raw(&FORK).is_locked() {
                    thread::yield_now();
                }
                for _ in 0..50 {
                    thread::yield_now();
                }
                // SAFETY: locked above.
                unsafe { lock.unlock() };
            });
            told.recv().unwrap();
            let goes_on = in_child(|| {
                for (index, lock) in locks(collector).into_iter().enumerate() {
                    assert!(lock.try_lock(), "lock {index} is held");
                    // SAFETY: locked just now.
                    unsafe { lock.unlock() };
                }
                use_each_thread(&mut m);
                assert_eq!(*kept.get(&m), 7);
            });
            assert!(goes_on, "lock {index}");
        });
    }
}
