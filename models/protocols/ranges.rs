//! A barrier's ranges, which leaders change in stops, against mutators that resume: `safepoint`, `barrier`.
//!
//! - Ranges are plain cells ([barrier.ranges]): the leader's access and the owner's never overlap, and each sees what the other
//!   wrote.
//! - A mutator that resumes has the ranges of the phase in its very next store. It may have been parked, have been blocked and
//!   come back, or have attached meanwhile.
//! - The values that are overwritten while marking, and no others, are handed over when it ends ([satb.one-place-each]).
//!
//! There are two stops: marking begins, marking ends. Each store overwrites an object of its own, which must be marked if and
//! only if the store is during marking. `Heap::touch` stands for the use of a barrier's cells.

use core::{
    ptr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{
    Arc, Heap,
    barrier::{Barrier, SatbQueue},
    check,
    memory::{AddressMap, OLD},
    must_fail,
    object::PointerSlot,
    safepoint::{Member, Poll, Reason, Rendezvous, StateWord, Stopped},
    space::{
        large::RunTable,
        no_candidates,
        old::{Bits, OldSpace},
    },
    sync::{
        Mutex,
        mutant::{self, Mutant},
    },
    thread,
};

/// A mutator that attaches reads the phase before it has the registry.
const ATTACH_LOOKS_EARLY: Mutant = Mutant::of_model("attach_looks_early");
/// Ranges change after the stop.
const FLIP_AFTER_RESUME: Mutant = Mutant::of_model("flip_after_resume");

struct Mutator {
    word: StateWord,
    poll: Poll,
    barrier: Barrier,
    /// The barrier's cells.
    cells: Heap,
    number: usize,
}

// SAFETY: `cells` checks that one thread at a time uses the barrier, which is the purpose of the model.
unsafe impl Sync for Mutator {}
// SAFETY: as above.
unsafe impl Send for Mutator {}

/// A heap's registry and rendezvous, as the collector uses them.
struct Registry {
    rendezvous: Rendezvous,
    mutators: Mutex<Vec<Arc<Mutator>>>,
    bits: Arc<Bits>,
    satb: Arc<SatbQueue>,
    /// The phase. The model's scheduler does not order it: a thread that may look at it has to see its current value.
    marking: AtomicBool,
}

/// The number of objects of each mutator.
const OBJECTS: usize = 8;

impl Mutator {
    fn member(&self) -> Member<'_> {
        Member { word: &self.word, poll: &self.poll }
    }

    fn object(&self, nth: usize) -> *mut u8 {
        ptr::without_provenance_mut(OLD + 16 * (OBJECTS * self.number + nth))
    }
}

impl Registry {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            rendezvous: Rendezvous::new(),
            mutators: Mutex::new(Vec::new()),
            bits: OldSpace::new(AddressMap::new()).unwrap().bits.clone(),
            satb: Arc::new(SatbQueue::new()),
            marking: AtomicBool::new(false),
        })
    }

    fn is_marking(&self) -> bool {
        self.marking.load(Ordering::SeqCst)
    }

    fn attach(&self, number: usize) -> Arc<Mutator> {
        let early = ATTACH_LOOKS_EARLY.is_planted().then(|| self.is_marking());
        let mut mutators = self.mutators.lock();
        let (bits, satb) = (self.bits.clone(), self.satb.clone());
        let barrier = Barrier::new(AddressMap::new(), Arc::new(RunTable), bits, satb, no_candidates(), 8);
        barrier.set_marking(early.unwrap_or(self.is_marking()));
        let (word, poll) = (StateWord::running(number as u32), Poll::new());
        let mutator = Arc::new(Mutator { word, poll, barrier, cells: Heap::new(), number });
        mutators.push(mutator.clone());
        mutator
    }

    fn detach(&self, mutator: &Arc<Mutator>) {
        self.rendezvous.enter_blocked(&mutator.word);
        let mut mutators = self.mutators.lock();
        mutator.cells.touch();
        mutator.barrier.hand_over();
        mutators.retain(|other| !Arc::ptr_eq(other, mutator));
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

    /// Overwrites the mutator's n-th object. Returns the object if that was during marking.
    fn store(&self, mutator: &Mutator, nth: usize) -> Option<*mut u8> {
        let object = mutator.object(nth);
        let marking = self.is_marking();
        mutator.cells.touch();
        mutator.barrier.store(&mutator.poll, &PointerSlot::new(object), ptr::null_mut());
        // Each second one is left to the leader.
        if nth.is_multiple_of(2) {
            mutator.barrier.hand_over();
            let marked = self.bits.marks.is_set(self.bits.granule(object.addr()));
            assert_eq!(marked, marking, "a barrier has not the ranges of the phase");
        }
        marking.then_some(object)
    }

    /// Leads a stop in which marking begins or ends, on a thread that runs no mutator.
    fn lead(&self, marking: bool) {
        let mutators = self.mutators.lock();
        let flip = || {
            for mutator in mutators.iter() {
                mutator.cells.touch();
                mutator.barrier.hand_over();
                mutator.barrier.set_marking(marking);
            }
        };
        let members = || mutators.iter().map(|mutator| mutator.member());
        let stopped = self.rendezvous.stop(members(), Duration::MAX, Some);
        assert!(matches!(stopped, Stopped::All { .. }));
        self.marking.store(marking, Ordering::SeqCst);
        if FLIP_AFTER_RESUME.is_planted() {
            self.rendezvous.resume(members());
            flip();
            return;
        }
        flip();
        self.rendezvous.resume(members());
    }

    /// Leads two stops, against mutators that each return what they have overwritten during marking.
    fn run(this: &Arc<Self>, mutators: Vec<thread::JoinHandle<Vec<usize>>>) {
        this.lead(true);
        this.lead(false);
        let mut handed_over = Vec::new();
        this.satb.take(&mut handed_over, &mut Vec::new());
        let mut handed_over: Vec<_> = handed_over.into_iter().map(|object| object.addr().get()).collect();
        let mut overwritten: Vec<_> = mutators.into_iter().flat_map(|mutator| mutator.join().unwrap()).collect();
        handed_over.sort_unstable();
        overwritten.sort_unstable();
        assert_eq!(handed_over, overwritten, "what was overwritten while marking is not what was handed over");
    }
}

/// What a thread does with its mutator between two stores.
type Between = fn(&Registry, &Mutator);

/// Starts a thread that stores before and after each of `between`.
fn stores(
    registry: &Arc<Registry>,
    mutator: Arc<Mutator>,
    between: &'static [Between],
) -> thread::JoinHandle<Vec<usize>> {
    let there = registry.clone();
    thread::spawn(move || run(&there, &mutator, between))
}

fn run(registry: &Registry, mutator: &Arc<Mutator>, between: &[Between]) -> Vec<usize> {
    let mut overwritten: Vec<_> = registry.store(mutator, 0).into_iter().collect();
    for (nth, between) in between.iter().enumerate() {
        between(registry, mutator);
        overwritten.extend(registry.store(mutator, nth + 1));
    }
    registry.detach(mutator);
    overwritten.into_iter().map(|object| object.addr()).collect()
}

/// Passes a safepoint, raised or not.
fn poll(registry: &Registry, mutator: &Mutator) {
    registry.poll(mutator);
}

/// Waits for a stop.
fn park(registry: &Registry, mutator: &Mutator) {
    while !registry.poll(mutator) {
        thread::yield_now();
    }
}

fn block(registry: &Registry, mutator: &Mutator) {
    registry.rendezvous.enter_blocked(&mutator.word);
    assert!(registry.rendezvous.leave_blocked(&mutator.word));
}

fn parked() {
    check(|| {
        let registry = Registry::new();
        let mutator = registry.attach(0);
        Registry::run(&registry, vec![stores(&registry, mutator, &[park, poll])]);
    });
}

fn blocked() {
    check(|| {
        let registry = Registry::new();
        let mutator = registry.attach(0);
        Registry::run(&registry, vec![stores(&registry, mutator, &[block, block])]);
    });
}

fn attached() {
    check(|| {
        let registry = Registry::new();
        let there = registry.clone();
        let thread = thread::spawn(move || run(&there, &there.attach(0), &[poll]));
        Registry::run(&registry, vec![thread]);
    });
}

fn one_of_each() {
    check(|| {
        let registry = Registry::new();
        let mutators = [registry.attach(0), registry.attach(1)];
        let between: [&'static [Between]; 2] = [&[poll], &[block]];
        let threads = mutators.into_iter().zip(between).map(|(mutator, between)| stores(&registry, mutator, between));
        let threads = threads.collect();
        Registry::run(&registry, threads);
    });
}

#[test]
fn who_parks_goes_on_with_the_ranges_of_the_phase() {
    parked();
}

#[test]
fn who_blocks_comes_back_to_the_ranges_of_the_phase() {
    blocked();
}

#[test]
fn who_attaches_has_the_ranges_of_the_phase() {
    attached();
}

#[test]
fn two_mutators_have_the_ranges_of_the_phase() {
    one_of_each();
}

#[test]
fn mutant_a_flip_after_the_stop_is_found_by_who_parks() {
    must_fail("ranges::mutant_a_flip_after_the_stop_is_found_by_who_parks", FLIP_AFTER_RESUME, parked);
}

#[test]
fn mutant_a_flip_after_the_stop_is_found_by_who_blocks() {
    must_fail("ranges::mutant_a_flip_after_the_stop_is_found_by_who_blocks", FLIP_AFTER_RESUME, blocked);
}

#[test]
fn mutant_attaching_with_a_phase_of_before_is_found() {
    must_fail("ranges::mutant_attaching_with_a_phase_of_before_is_found", ATTACH_LOOKS_EARLY, attached);
}

#[test]
fn mutant_a_leader_that_does_not_wait_is_found() {
    must_fail("ranges::mutant_a_leader_that_does_not_wait_is_found", mutant::LEADER_DOES_NOT_WAIT, parked);
}

/// Shuttle runs one thread at a time, so it cannot see what only the order of memory accesses shows.
#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_resume_is_found() {
    must_fail("ranges::mutant_a_relaxed_resume_is_found", mutant::RELAXED_RESUME, blocked);
}
