//! How the concurrent thread makes way for a collection that was put off: `collector::yielding`.
//!
//! A mutator is due to collect while the concurrent thread is at work. It leads at once if that thread is away, and otherwise works until its poll is
//! raised. `Heap::touch` stands for what both use: the concurrent thread at work, and the leader, which has the lock that stands for
//! the registry and the rendezvous.

use core::time::Duration;

use crate::{
    Arc, check,
    collector::yielding::{Asked, Yielding},
    must_fail,
    safepoint::{Poll, Reason},
    sync::{Condvar, Mutex, mutant, mutant::Mutant},
    thread,
};

/// The concurrent thread makes way, and tells no mutator.
const MAKES_WAY_SILENTLY: Mutant = Mutant::of_model("makes_way_silently");

struct World {
    yielding: Yielding,
    poll: Poll,
    /// How many collections there were. Locked by their leaders.
    collections: Mutex<u32>,
    /// A mutator that has put a collection off works until its poll is raised: here it sleeps, as not every scheduler of models is fair.
    raised: Condvar,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            yielding: Yielding::new(),
            poll: Poll::new(),
            collections: Mutex::new(0),
            raised: Condvar::new(),
        })
    }

    /// Collects, as a mutator.
    fn lead(&self) {
        let mut collections = self.collections.lock();
        *collections += 1;
        self.yielding.end();
        drop(collections);
    }

    /// As a mutator for which a collection is due (`collector::put_off`).
    fn collect_now_or_later(&self) {
        if let Asked::AtWork { .. } = self.yielding.ask() {
            let mut collections = self.collections.lock();
            while !self.poll.is_raised() {
                self.raised.wait(&mut collections);
            }
            let _ = self.poll.take();
            drop(collections);
        }
        self.lead();
    }

    /// As the concurrent thread that has made way (`collector::request::lead_what_was_put_off`).
    fn tell(&self) {
        let collections = self.collections.lock();
        if self.yielding.is_asked() && !MAKES_WAY_SILENTLY.is_planted() {
            self.poll.raise(Reason::MINOR);
            self.raised.notify_all();
        }
        drop(collections);
    }

    /// As the concurrent thread, which works so many times.
    fn work(&self, times: u32) {
        for _ in 0..times {
            while !self.yielding.begin_work() {
                self.yielding.stay_away(Duration::MAX);
            }
            if self.yielding.end_work() {
                self.tell();
            }
        }
    }
}

/// The concurrent thread is at work, and then once more, while a collection becomes due.
fn put_off() {
    check(|| {
        let here = World::new();
        let there = here.clone();
        let concurrent = thread::spawn(move || there.work(2));
        here.collect_now_or_later();
        concurrent.join().unwrap();
        assert_eq!(*here.collections.lock(), 1, "what was put off is collected once");
        assert!(!here.yielding.is_asked() && !here.yielding.is_at_work());
    });
}

/// Two collections are due, one after the other: the end of the first one does not keep the second one from being told.
fn put_off_twice() {
    check(|| {
        let here = World::new();
        let there = here.clone();
        let concurrent = thread::spawn(move || there.work(1));
        here.collect_now_or_later();
        here.collect_now_or_later();
        concurrent.join().unwrap();
        assert_eq!(*here.collections.lock(), 2);
    });
}

#[test]
fn what_was_put_off_is_collected() {
    put_off();
    put_off_twice();
}

#[test]
fn mutant_looking_before_making_way_is_found() {
    must_fail("yielding::mutant_looking_before_making_way_is_found", mutant::LEAVE_WORK_AND_LOOK_BEFORE, put_off);
}

#[test]
fn mutant_making_way_silently_is_found() {
    must_fail("yielding::mutant_making_way_silently_is_found", MAKES_WAY_SILENTLY, put_off);
}

#[test]
fn mutant_a_wait_that_is_not_seen_is_found() {
    must_fail("yielding::mutant_a_wait_that_is_not_seen_is_found", mutant::WAIT_UNSEEN, put_off);
}

#[test]
fn mutant_an_end_that_wakes_nobody_is_found() {
    must_fail("yielding::mutant_an_end_that_wakes_nobody_is_found", mutant::END_OF_REQUEST_WAKES_NOBODY, put_off);
}
