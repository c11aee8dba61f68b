//! Mutators that fall dormant and rejoin the members, against stops, holds and detaching: `safepoint::members`, with the rendezvous.
//!
//! `Heap::touch` stands for any access to the heap and to a mutator's state: the model fails if two threads touch one at once. The
//! leader touches the state of dormant mutators, too, as it visits their roots. `caught_up` stands for what each stop changes in a mutator's
//! state, where it is touched: a mutator that runs has all of it. The model's scheduler does not order this number and that of the stops.

use core::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crate::{
    Arc, Heap, check, must_fail,
    safepoint::{Listed, Member, Members, Poll, Reason, Rendezvous, StateWord, Stopped},
    sync::{
        Mutex,
        mutant::{self, Mutant},
    },
    thread,
};

/// A mutator that rejoins the members does not catch up with what stops have changed.
const REJOINS_AS_IT_WAS: Mutant = Mutant::of_model("rejoins_as_it_was");

struct Mutator {
    word: StateWord,
    poll: Poll,
    place: Cell<usize>,
    state: Heap,
    caught_up: AtomicUsize,
}

// SAFETY: the place is used under the registry's lock only.
unsafe impl Sync for Mutator {}
// SAFETY: as above.
unsafe impl Send for Mutator {}

impl Listed for Arc<Mutator> {
    fn word(&self) -> &StateWord {
        &self.word
    }

    fn place(&self) -> &Cell<usize> {
        &self.place
    }

    fn may_fall_dormant(&self) -> bool {
        true
    }
}

/// A heap's registry and rendezvous, as the collector uses them.
struct Registry {
    rendezvous: Rendezvous,
    members: Mutex<Members<Arc<Mutator>>>,
    /// The number of stops.
    stops: AtomicUsize,
}

impl Registry {
    fn new() -> Arc<Self> {
        let (rendezvous, members) = (Rendezvous::new(), Mutex::new(Members::default()));
        Arc::new(Self { rendezvous, members, stops: AtomicUsize::new(0) })
    }

    /// Attaches, before there was any stop.
    fn attach(&self) -> Arc<Mutator> {
        let mutator = Arc::new(Mutator {
            word: StateWord::running(0),
            poll: Poll::new(),
            place: 0.into(),
            state: Heap::new(),
            caught_up: AtomicUsize::new(0),
        });
        self.members.lock().enter(mutator.clone());
        mutator
    }

    /// Collects, on a thread that runs no mutator.
    fn lead(&self) {
        let mut members = self.members.lock();
        let awake = members.awake().to_vec();
        let each = || awake.iter().map(|mutator| Member { word: &mutator.word, poll: &mutator.poll });
        let stopped = self.rendezvous.stop(each(), Duration::MAX, Some);
        assert!(matches!(stopped, Stopped::All { .. }));
        let stop = self.stops.fetch_add(1, Ordering::Relaxed) + 1;
        for mutator in &awake {
            mutator.state.touch();
            mutator.caught_up.store(stop, Ordering::Relaxed);
        }
        for mutator in members.dormant() {
            mutator.state.touch();
        }
        members.let_fall_dormant();
        self.rendezvous.resume(each());
    }

    fn work(&self, mutator: &Mutator) {
        mutator.state.touch();
        let (caught_up, stops) = (mutator.caught_up.load(Ordering::Relaxed), self.stops.load(Ordering::Relaxed));
        assert_eq!(caught_up, stops, "a stop has changed nothing in a mutator");
    }

    fn leave_blocked(&self, mutator: &Mutator) {
        while !self.rendezvous.leave_blocked(&mutator.word) {
            let mut members = self.members.lock();
            members.rejoin(mutator.place.get(), || {
                if REJOINS_AS_IT_WAS.is_planted() {
                    return;
                }
                mutator.state.touch();
                mutator.caught_up.store(self.stops.load(Ordering::Relaxed), Ordering::Relaxed);
            });
        }
    }

    fn detach(&self, mutator: &Arc<Mutator>) {
        let mut members = self.members.lock();
        members.leave(mutator);
        mutator.state.touch();
    }

    fn poll(&self, mutator: &Mutator) {
        if mutator.poll.is_raised() && mutator.poll.take().contains(Reason::STOP) {
            self.rendezvous.park(&mutator.word);
        }
    }
}

/// A mutator is blocked and comes back among three stops: awake, seen, or dormant.
fn comes_back() {
    check(|| {
        let registry = Registry::new();
        let (there, mutator) = (registry.clone(), registry.attach());
        let other = thread::spawn(move || {
            there.work(&mutator);
            there.rendezvous.enter_blocked(&mutator.word);
            there.leave_blocked(&mutator);
            there.work(&mutator);
            there.rendezvous.enter_blocked(&mutator.word);
            there.detach(&mutator);
        });
        for _ in 0..3 {
            registry.lead();
        }
        other.join().unwrap();
        assert_eq!(registry.members.lock().len(), 0);
    });
}

/// Two mutators, both of them dormant, come back while a leader stops the world.
fn two_come_back() {
    check(|| {
        let registry = Registry::new();
        let threads = [registry.attach(), registry.attach()].map(|mutator| {
            registry.rendezvous.enter_blocked(&mutator.word);
            (registry.clone(), mutator)
        });
        registry.lead();
        registry.lead();
        assert_eq!(registry.members.lock().awake().len(), 0);
        let threads = threads.map(|(there, mutator)| {
            thread::spawn(move || {
                there.leave_blocked(&mutator);
                there.work(&mutator);
                there.poll(&mutator);
                there.rendezvous.enter_blocked(&mutator.word);
            })
        });
        registry.lead();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(registry.members.lock().len(), 2);
    });
}

/// A dormant mutator is held, as for a merge of counts, while it comes back and a leader stops the world.
fn held_while_it_comes_back() {
    check(|| {
        let registry = Registry::new();
        let mutator = registry.attach();
        registry.rendezvous.enter_blocked(&mutator.word);
        registry.lead();
        registry.lead();
        let (there, held) = (registry.clone(), mutator.clone());
        let counts = Arc::new(Heap::new());
        let merged = counts.clone();
        let merger = thread::spawn(move || {
            if held.word.hold_if_away() {
                merged.touch();
                there.rendezvous.release(&held.word);
            }
        });
        let (there, owner) = (registry.clone(), mutator.clone());
        let owner = thread::spawn(move || {
            there.leave_blocked(&owner);
            there.work(&owner);
            counts.touch();
            there.rendezvous.enter_blocked(&owner.word);
        });
        registry.lead();
        merger.join().unwrap();
        owner.join().unwrap();
    });
}

#[test]
fn a_mutator_that_was_dormant_runs_beside_no_leader() {
    comes_back();
}

#[test]
fn two_dormant_mutators_come_back() {
    two_come_back();
}

#[test]
fn a_dormant_mutator_that_is_held_waits_for_both() {
    held_while_it_comes_back();
}

#[test]
fn mutant_a_dormant_mutator_that_runs_at_once_is_found() {
    must_fail("dormant::mutant_a_dormant_mutator_that_runs_at_once_is_found", mutant::DORMANT_RUNS_AT_ONCE, comes_back);
}

#[test]
fn mutant_rejoining_without_catching_up_is_found() {
    must_fail("dormant::mutant_rejoining_without_catching_up_is_found", REJOINS_AS_IT_WAS, comes_back);
}
