//! The end of a kept mutator: its thread enters and leaves the heap, and exits; other users of the heap go, collect, and the last one
//! detaches what is left: `collector::kept_end`, with `safepoint`.
//!
//! `Heap::touch` stands for any access to the heap through the mutator, and for freeing the mutator's state. The model fails if two
//! threads touch it at once,.

use core::time::Duration;

use crate::{
    Arc, Heap, check,
    collector::kept_end::{Attached, last_user_goes, thread_exits},
    must_fail,
    safepoint::{Member, Poll, Reason, Rendezvous, StateWord},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mutant,
    },
    thread,
};

struct Mutator {
    word: StateWord,
    poll: Poll,
    state: Heap,
}

/// The registry: the mutators that are attached, by number, and those that were detached.
struct Registry {
    mutators: Vec<(usize, Arc<Mutator>)>,
    detached: Vec<usize>,
}

impl Attached for Registry {
    type Id = usize;

    fn contains(&self, id: usize) -> bool {
        self.mutators.iter().any(|(number, _)| *number == id)
    }

    fn any(&self) -> Option<usize> {
        self.mutators.first().map(|(number, _)| *number)
    }

    fn detach(&mut self, id: usize) {
        assert!(!self.detached.contains(&id), "freed twice");
        self.detached.push(id);
        if let Some(index) = self.mutators.iter().position(|(number, _)| *number == id) {
            let (_, mutator) = self.mutators.swap_remove(index);
            mutator.state.touch();
        }
    }
}

/// A heap, as its users and the threads that keep mutators of it see it.
struct Users {
    count: AtomicUsize,
    rendezvous: Rendezvous,
    registry: Mutex<Registry>,
}

impl Users {
    /// Returns a heap with so many users, and two mutators that a thread keeps.
    fn new(users: usize) -> (Arc<Self>, [Arc<Mutator>; 2]) {
        let mutators = [1, 2].map(|number| {
            Arc::new(Mutator { word: StateWord::blocked(number), poll: Poll::new(), state: Heap::new() })
        });
        let attached = mutators.iter().cloned().enumerate().collect();
        let registry = Mutex::new(Registry { mutators: attached, detached: Vec::new() });
        (Arc::new(Self { count: AtomicUsize::new(users), rendezvous: Rendezvous::new(), registry }), mutators)
    }

    /// As `Heap::with`: the caller has a user.
    fn with(&self, mutator: &Mutator) {
        assert!(self.rendezvous.leave_blocked(&mutator.word));
        mutator.state.touch();
        if mutator.poll.is_raised() && mutator.poll.take().contains(Reason::STOP) {
            self.rendezvous.park(&mutator.word);
        }
        mutator.state.touch();
        let member = Member { word: &mutator.word, poll: &mutator.poll };
        if !self.rendezvous.try_block(member) {
            let _ = self.rendezvous.block(member);
        }
    }

    /// Stops the world and touches what every mutator has. The caller is the leader.
    fn stop(&self, registry: &Registry) {
        let members = || registry.mutators.iter().map(|(_, m)| Member { word: &m.word, poll: &m.poll });
        let _ = self.rendezvous.stop(members(), Duration::MAX, Some);
        registry.mutators.iter().for_each(|(_, mutator)| mutator.state.touch());
    }

    /// Collects, on a thread that runs no mutator.
    fn collect(&self) {
        let registry = self.registry.lock();
        self.stop(&registry);
        self.rendezvous.resume(registry.mutators.iter().map(|(_, m)| Member { word: &m.word, poll: &m.poll }));
    }

    /// As the `Drop` of an `Arc` of the users.
    fn go(&self) {
        // AcqRel: as std's.
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut registry = self.registry.lock();
            self.stop(&registry);
            last_user_goes(&mut *registry);
        }
    }

    fn exit(&self, kept: usize) {
        thread_exits(&mut *self.registry.lock(), kept);
    }
}

/// A thread works with a mutator that it keeps, drops its user of the heap, and exits. Another one ends the heap's use, perhaps.
fn exit_and_end() {
    check(|| {
        let (users, [mutator, other]) = Users::new(2);
        let there = users.clone();
        let pool = thread::spawn(move || {
            there.with(&mutator);
            there.go();
            there.exit(0);
        });
        users.go();
        pool.join().unwrap();
        drop(other);
        let registry = users.registry.lock();
        assert!(registry.mutators.is_empty(), "the thread that keeps the other one never exits");
        assert_eq!(registry.detached.len(), 2);
    });
}

/// A thread enters and exits while another one collects and then ends the heap's use.
fn enter_and_collect() {
    check(|| {
        let (users, [mutator, _]) = Users::new(2);
        let there = users.clone();
        let pool = thread::spawn(move || {
            there.with(&mutator);
            there.exit(0);
            there.go();
        });
        users.collect();
        users.go();
        pool.join().unwrap();
        assert!(users.registry.lock().mutators.is_empty());
    });
}

#[test]
fn a_kept_mutator_is_detached_once_and_touched_by_one_thread() {
    exit_and_end();
}

#[test]
fn a_kept_mutator_meets_collections() {
    enter_and_collect();
}

#[test]
fn mutant_an_exit_that_does_not_look_is_found() {
    must_fail("kept_end::mutant_an_exit_that_does_not_look_is_found", mutant::EXIT_DOES_NOT_LOOK, exit_and_end);
}

#[test]
fn mutant_a_last_user_that_leaves_some_is_found() {
    must_fail("kept_end::mutant_a_last_user_that_leaves_some_is_found", mutant::LAST_USER_LEAVES_SOME, exit_and_end);
}

#[test]
fn mutant_entering_in_a_stop_is_found() {
    must_fail("kept_end::mutant_entering_in_a_stop_is_found", mutant::RESUME_WITHOUT_WAITING, enter_and_collect);
}
