//! The lock: threads that take it, hand it over and give up, `sync::raw_lock`.
//!
//! `Heap::touch` stands for what the lock guards. A thread that is left asleep is a deadlock, which the models find. Every thread that
//! has slept has waited for long.

use core::time::Duration;

use crate::{
    Arc, Heap, check, must_fail,
    sync::{mutant, raw_lock::RawLock},
    thread,
};

struct Guarded {
    lock: RawLock,
    heap: Heap,
}

impl Guarded {
    fn new() -> Arc<Self> {
        Arc::new(Self { lock: RawLock::new(), heap: Heap::new() })
    }

    fn lock(&self) {
        assert!(self.lock.try_now() || self.lock.take(|| None));
        self.heap.touch();
    }

    /// Takes the lock, or sleeps once for it, and gives up. Returns whether it has it.
    fn lock_or_give_up(&self) -> bool {
        let mut time = Some(Duration::MAX);
        let taken = self.lock.try_now() || self.lock.take(|| time.take().or(Some(Duration::ZERO)));
        if taken {
            self.heap.touch();
        }
        taken
    }
}

/// Three threads take it, one of them twice.
fn three_threads(frees: fn(&RawLock)) {
    check(move || {
        let guarded = Guarded::new();
        let threads = [1, 1].map(|turns| {
            let there = guarded.clone();
            thread::spawn(move || {
                for _ in 0..turns {
                    there.lock();
                    frees(&there.lock);
                }
            })
        });
        for _ in 0..2 {
            guarded.lock();
            frees(&guarded.lock);
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(!guarded.lock.is_taken());
    });
}

fn unlocked() {
    three_threads(RawLock::free);
}

fn unlocked_fairly() {
    three_threads(RawLock::free_fairly);
}

/// Starts a thread that waits without a limit, and one that may give up and unlocks by `frees`.
fn one_waits_and_one_gives_up(guarded: &Arc<Guarded>, frees: fn(&RawLock)) -> [thread::JoinHandle<()>; 2] {
    let (there, gives_up) = (guarded.clone(), guarded.clone());
    let waits = thread::spawn(move || {
        there.lock();
        there.lock.free();
    });
    let gives_up = thread::spawn(move || {
        if gives_up.lock_or_give_up() {
            frees(&gives_up.lock);
        }
    });
    [waits, gives_up]
}

/// One thread waits without a limit, and one gives up: what it was woken for is the other one's.
fn one_gives_up() {
    check(|| {
        let guarded = Guarded::new();
        let threads = one_waits_and_one_gives_up(&guarded, RawLock::free);
        for _ in 0..2 {
            guarded.lock();
            guarded.lock.free();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The same, where the lock is handed to the one that gives up, or nobody sleeps to whom it is handed.
fn handed_and_taken_back() {
    check(|| {
        let guarded = Guarded::new();
        guarded.lock();
        let threads = one_waits_and_one_gives_up(&guarded, RawLock::free_fairly);
        guarded.lock.free_fairly();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(guarded.lock.try_now() || guarded.lock.take(|| None), "it is free");
    });
}

#[test]
fn one_thread_at_a_time_has_it_and_none_is_left_asleep() {
    unlocked();
}

#[test]
fn it_is_handed_to_one_that_sleeps() {
    unlocked_fairly();
}

#[test]
fn a_thread_that_gives_up_leaves_none_asleep() {
    one_gives_up();
}

#[test]
fn what_is_handed_to_nobody_is_free() {
    handed_and_taken_back();
}

#[test]
fn mutant_a_lock_that_forgets_the_sleepers_is_found() {
    must_fail("raw_lock::mutant_a_lock_that_forgets_the_sleepers_is_found", mutant::LOCKED_UNCONTENDED, unlocked);
}

#[test]
fn mutant_giving_up_without_a_word_is_found() {
    must_fail("raw_lock::mutant_giving_up_without_a_word_is_found", mutant::GIVES_UP_UNCONTENDED, one_gives_up);
}

#[test]
fn mutant_taking_back_without_a_word_is_found() {
    must_fail(
        "raw_lock::mutant_taking_back_without_a_word_is_found",
        mutant::TAKES_BACK_SILENTLY,
        handed_and_taken_back,
    );
}
