//! The stop protocol: requests, polls, parking, blocking, attaching and detaching, against stops.
//!
//! `Heap::touch` stands for any access to the heap. The model fails if the leader's access and a mutator's ever overlap.

use core::time::Duration;

use crate::{
    Arc, Heap, check,
    collector::given_up::GivenUp,
    must_fail,
    safepoint::{Member, Poll, Reason, Rendezvous, StateWord, Stopped},
    sync::{Mutex, mutant},
    thread,
};

struct Mutator {
    word: StateWord,
    poll: Poll,
    heap: Heap,
}

impl Mutator {
    fn member(&self) -> Member<'_> {
        Member { word: &self.word, poll: &self.poll }
    }
}

/// A heap's registry and rendezvous, as the collector uses them.
struct Registry {
    rendezvous: Rendezvous,
    mutators: Mutex<(Vec<Arc<Mutator>>, usize)>,
}

impl Registry {
    fn new() -> Arc<Self> {
        Arc::new(Self { rendezvous: Rendezvous::new(), mutators: Mutex::new((Vec::new(), 0)) })
    }

    fn attach(&self) -> Arc<Mutator> {
        let mutator = Arc::new(Mutator { word: StateWord::running(0), poll: Poll::new(), heap: Heap::new() });
        self.mutators.lock().0.push(mutator.clone());
        mutator
    }

    fn detach(&self, mutator: &Arc<Mutator>) {
        self.rendezvous.enter_blocked(&mutator.word);
        self.mutators.lock().0.retain(|other| !Arc::ptr_eq(other, mutator));
    }

    /// Passes a safepoint. Returns whether the poll was raised.
    fn poll(&self, mutator: &Mutator) -> bool {
        if !mutator.poll.is_raised() {
            return false;
        }
        if mutator.poll.take().contains(Reason::STOP) {
            self.rendezvous.park(&mutator.word);
        }
        true
    }

    /// Collects, on a thread that runs no mutator.
    fn lead(&self) {
        let mut registry = self.mutators.lock();
        let members = registry.0.clone();
        let stopped = self.rendezvous.stop(members.iter().map(|m| m.member()), Duration::MAX, Some);
        assert!(matches!(stopped, Stopped::All { .. }));
        for mutator in &members {
            mutator.heap.touch();
        }
        registry.1 += 1;
        self.rendezvous.resume(members.iter().map(|m| m.member()));
    }

    /// Collects, on a mutator's thread.
    fn request(&self, mutator: &Mutator) {
        self.rendezvous.enter_blocked(&mutator.word);
        self.lead();
        assert!(self.rendezvous.leave_blocked(&mutator.word));
    }
}

/// Works, as a mutator, until it has met one safepoint.
fn until_safepoint(registry: &Registry, mutator: &Arc<Mutator>) {
    mutator.heap.touch();
    while !registry.poll(mutator) {
        thread::yield_now();
    }
    mutator.heap.touch();
    registry.detach(mutator);
}

fn polling_mutator() {
    check(|| {
        let registry = Registry::new();
        let (there, mutator) = (registry.clone(), registry.attach());
        let other = thread::spawn(move || until_safepoint(&there, &mutator));
        registry.lead();
        other.join().unwrap();
    });
}

fn blocked_and_back() {
    check(|| {
        let registry = Registry::new();
        let (there, mutator) = (registry.clone(), registry.attach());
        let other = thread::spawn(move || {
            mutator.heap.touch();
            there.rendezvous.enter_blocked(&mutator.word);
            assert!(there.rendezvous.leave_blocked(&mutator.word));
            mutator.heap.touch();
            there.detach(&mutator);
        });
        registry.lead();
        other.join().unwrap();
    });
}

fn two_requesters() {
    check(|| {
        let registry = Registry::new();
        let threads = [registry.attach(), registry.attach()].map(|mutator| {
            let there = registry.clone();
            thread::spawn(move || {
                mutator.heap.touch();
                there.request(&mutator);
                mutator.heap.touch();
                there.detach(&mutator);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(registry.mutators.lock().1, 2);
    });
}

fn attach_and_detach() {
    check(|| {
        let registry = Registry::new();
        let there = registry.clone();
        let other = thread::spawn(move || {
            let mutator = there.attach();
            mutator.heap.touch();
            there.poll(&mutator);
            mutator.heap.touch();
            there.detach(&mutator);
        });
        registry.lead();
        registry.lead();
        other.join().unwrap();
    });
}

fn two_pollers() {
    check(|| {
        let registry = Registry::new();
        let threads = [registry.attach(), registry.attach()].map(|mutator| {
            let there = registry.clone();
            thread::spawn(move || {
                mutator.heap.touch();
                there.poll(&mutator);
                mutator.heap.touch();
                there.detach(&mutator);
            })
        });
        registry.lead();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A mutator blocks, and perhaps comes back, while a thread without a mutator asks for a collection (`collector::request`). One of
/// the two leads it.
fn asked_by_a_thread_without_a_mutator(comes_back: bool) {
    check(move || {
        let registry = Registry::new();
        let (there, mutator) = (registry.clone(), registry.attach());
        let other = thread::spawn(move || {
            let block = || {
                mutator.heap.touch();
                if there.rendezvous.block(mutator.member()).is_some() && mutator.poll.take().contains(Reason::MINOR) {
                    there.lead();
                }
            };
            block();
            if comes_back {
                if mutator.poll.is_raised() && mutator.poll.take().contains(Reason::MINOR) {
                    there.lead();
                }
                assert!(there.rendezvous.leave_blocked(&mutator.word));
                block();
            }
        });
        let mutators = registry.mutators.lock().0.clone();
        if !registry.rendezvous.ask(mutators.iter().map(|m| m.member())) {
            registry.lead();
        }
        other.join().unwrap();
        assert!(registry.mutators.lock().1 >= 1, "nobody has collected");
    });
}

fn asked_while_blocking() {
    asked_by_a_thread_without_a_mutator(false);
}

#[test]
fn a_request_of_a_thread_without_a_mutator_is_led_by_somebody() {
    asked_while_blocking();
    asked_by_a_thread_without_a_mutator(true);
}

/// A thread gives up waiting for a mutator, which then blocks, comes back, and blocks for good (`collector::given_up`). One of the two threads and the
/// concurrent one collects.
fn given_up_on_a_mutator_that_blocks() {
    check(|| {
        let (registry, given_up) = (Registry::new(), Arc::new(GivenUp::new()));
        let (there, mutator, late) = (registry.clone(), registry.attach(), given_up.clone());
        let straggler = thread::spawn(move || {
            let look = || {
                let due = late.take(&mutator.poll).contains(Reason::MINOR);
                if due && !late.stands(0) {
                    there.lead();
                } else if due {
                    mutator.poll.raise(Reason::MINOR);
                }
            };
            for comes_back in [true, false] {
                mutator.heap.touch();
                if there.rendezvous.block(mutator.member()).is_some() {
                    look();
                }
                if comes_back {
                    if mutator.poll.is_raised() {
                        look();
                    }
                    assert!(there.rendezvous.leave_blocked(&mutator.word));
                }
            }
        });
        let mutators = registry.mutators.lock().0.clone();
        given_up.give_up(0, mutators.iter().map(|m| &m.poll));
        // The concurrent thread.
        if !registry.rendezvous.ask(mutators.iter().map(|m| m.member())) {
            registry.lead();
        }
        straggler.join().unwrap();
        assert!(registry.mutators.lock().1 >= 1, "nobody has collected");
    });
}

#[test]
fn a_mutator_that_was_given_up_on_collects_when_it_blocks() {
    given_up_on_a_mutator_that_blocks();
}

#[test]
fn mutant_a_straggler_that_is_late_before_the_record_is_found() {
    must_fail(
        "safepoint::mutant_a_straggler_that_is_late_before_the_record_is_found",
        mutant::LATE_BEFORE_THE_RECORD,
        given_up_on_a_mutator_that_blocks,
    );
}

#[test]
fn mutant_a_poll_that_is_read_before_blocking_is_found() {
    must_fail(
        "safepoint::mutant_a_poll_that_is_read_before_blocking_is_found",
        mutant::LOOK_BEFORE_BLOCKED,
        asked_while_blocking,
    );
}

#[test]
fn mutant_looking_for_a_runner_before_asking_is_found() {
    must_fail(
        "safepoint::mutant_looking_for_a_runner_before_asking_is_found",
        mutant::LOOK_BEFORE_ASKING,
        asked_while_blocking,
    );
}

#[test]
fn a_leader_and_a_polling_mutator_never_overlap() {
    polling_mutator();
}

#[test]
fn a_blocked_mutator_comes_back_after_the_stop() {
    blocked_and_back();
}

#[test]
fn two_requests_both_end() {
    two_requesters();
}

#[test]
fn attaching_and_detaching_meet_stops() {
    attach_and_detach();
}

#[test]
fn two_pollers_both_resume() {
    two_pollers();
}

#[test]
fn mutant_a_leader_that_does_not_wait_is_found() {
    must_fail("safepoint::mutant_a_leader_that_does_not_wait_is_found", mutant::LEADER_DOES_NOT_WAIT, polling_mutator);
}

#[test]
fn mutant_leaving_blocked_in_a_stop_is_found() {
    must_fail("safepoint::mutant_leaving_blocked_in_a_stop_is_found", mutant::RESUME_WITHOUT_WAITING, blocked_and_back);
}

#[test]
fn mutant_a_blocked_thread_that_is_not_counted_is_found() {
    must_fail(
        "safepoint::mutant_a_blocked_thread_that_is_not_counted_is_found",
        mutant::BLOCKED_DOES_NOT_COUNT,
        blocked_and_back,
    );
}

#[test]
fn mutant_waking_one_of_two_is_found() {
    must_fail("safepoint::mutant_waking_one_of_two_is_found", mutant::WAKE_ONE, two_pollers);
}

/// A running mutator forks while a leader waits for it: it copies the heap, which no other thread touches meanwhile.
fn forks_while_it_is_waited_for() {
    check(|| {
        let registry = Registry::new();
        let (own, other) = (registry.attach(), registry.attach());
        let (there, leaves) = (registry.clone(), other.clone());
        let leaving = thread::spawn(move || {
            leaves.heap.touch();
            there.detach(&leaves);
        });
        let there = registry.clone();
        let leader = thread::spawn(move || there.lead());
        let park = registry.rendezvous.park_lock();
        if registry.rendezvous.waits_for_only(&park, core::iter::once(&own.word)) {
            other.heap.touch();
        }
        drop(park);
        registry.detach(&own);
        leaving.join().unwrap();
        leader.join().unwrap();
    });
}

#[test]
fn a_heap_that_is_copied_while_a_leader_waits_is_at_rest() {
    forks_while_it_is_waited_for();
}

#[test]
fn mutant_a_fork_beside_runners_is_found() {
    must_fail(
        "safepoint::mutant_a_fork_beside_runners_is_found",
        mutant::FORK_BESIDE_RUNNERS,
        forks_while_it_is_waited_for,
    );
}
