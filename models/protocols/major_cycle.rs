//! Which thread ends a major cycle: `collector::major_cycle`. The concurrent thread sweeps while no thread waits for the
//! collection. Pauses sweep what is left, end the collection, and begin and mark the next one.
//!
//! A number under a lock stands for the blocks that wait to be swept under the lock of the old generation.

use std::time::{Duration, Instant};

use crate::{
    Arc, check,
    collector::{
        idle::Idle,
        major_cycle::{ConcurrentTask, CycleFigures, MajorCycle, Phase},
    },
    must_fail,
    stats::report::{Cause, CollectReport},
    sync::{Mutex, mutant},
    thread,
};

struct World {
    major: MajorCycle,
    unswept: Mutex<u32>,
}

/// The cycles of a heap whose concurrent thread is there.
fn major() -> MajorCycle {
    MajorCycle::new(Box::new(|| true), Box::new(|| ()))
}

/// A pause in which marking ends.
fn mark(world: &World, start: Instant) {
    let mut unswept = world.unswept.lock();
    world.major.begin(CycleFigures::new(Cause::Explicit, start));
    *unswept = 1;
    world.major.marked(0);
}

fn sweep(world: &World) {
    *world.unswept.lock() = 0;
}

fn end(world: &World, number: u64) {
    let unswept = world.unswept.lock();
    world.major.end(number, |_| {
        assert_eq!(*unswept, 0, "a collection ends unswept");
        CollectReport(number)
    });
}

fn two_collections() {
    let start = Instant::now();
    check(move || {
        let here = Arc::new(World { major: major(), unswept: Mutex::new(0) });
        mark(&here, start);
        let there = here.clone();
        let marker = thread::spawn(move || {
            loop {
                match there.major.next(|| false) {
                    ConcurrentTask::Sweep(number) => {
                        sweep(&there);
                        end(&there, number);
                    }
                    // The pause is about to end marking.
                    ConcurrentTask::Mark => thread::yield_now(),
                    ConcurrentTask::Populate(..) | ConcurrentTask::Collect | ConcurrentTask::Leave => {
                        unreachable!("nobody asks for that")
                    }
                    ConcurrentTask::End => return,
                }
            }
        });
        // A pause that sweeps everything, and then another collection if the first one is over.
        sweep(&here);
        end(&here, 1);
        mark(&here, start);
        let report = here.major.wait_for_one_after(1, || unreachable!("the second one is under way"));
        assert_eq!(report, CollectReport(2));
        here.major.end_thread();
        marker.join().unwrap();
    });
}

/// An allocation is refused while a cycle ends, and its mutator detaches at once.
fn refused_while_a_cycle_ends() {
    let start = Instant::now();
    check(move || {
        let here = Arc::new(World { major: major(), unswept: Mutex::new(0) });
        mark(&here, start);
        let there = here.clone();
        let refused = thread::spawn(move || {
            let begun = there.major.promise();
            // Detaches: it leads what is due (`policy::due`).
            let begins = there.major.phase() == Phase::Idle && there.major.is_promised();
            (begun, begins)
        });
        sweep(&here);
        end(&here, 1);
        let (begun, begins) = refused.join().unwrap();
        assert_eq!(begun, 1);
        assert!(begins || here.major.takes_collect(), "the promise is forgotten");
    });
}

#[test]
fn a_refused_allocation_gets_its_cycle_though_its_mutator_goes() {
    refused_while_a_cycle_ends();
}

#[test]
fn mutant_forgetting_the_promise_is_found() {
    must_fail(
        "major_cycle::mutant_forgetting_the_promise_is_found",
        mutant::END_FORGETS_THE_PROMISE,
        refused_while_a_cycle_ends,
    );
}

/// A task comes while the concurrent thread leaves.
fn called_while_it_leaves() {
    check(|| {
        let started = Arc::new(Mutex::new(0));
        let start = started.clone();
        let starts = move || {
            *start.lock() += 1;
            true
        };
        let here = Arc::new(MajorCycle::new(Box::new(starts), Box::new(|| ())));
        let serve = |major: &MajorCycle| {
            let mut done = 0;
            while let ConcurrentTask::Collect = major.next(|| true) {
                done += 1;
            }
            done
        };
        here.ask_to_collect();
        let there = here.clone();
        let marker = thread::spawn(move || serve(&there));
        here.ask_to_collect();
        let mut done = marker.join().unwrap();
        if *started.lock() > 1 {
            done += serve(&here);
        }
        assert!(done > 0 && !here.takes_collect(), "a task is left");
    });
}

#[test]
fn a_task_is_done_though_the_thread_was_leaving() {
    called_while_it_leaves();
}

#[test]
fn mutant_leaving_without_looking_is_found() {
    let test = "major_cycle::mutant_leaving_without_looking_is_found";
    must_fail(test, mutant::LEAVE_WITHOUT_LOOKING, called_while_it_leaves);
}

/// The concurrent thread hands the end of marking over to a mutator.
fn handed_over() {
    check(|| {
        let here = Arc::new(major());
        here.hand_over(1);
        let there = here.clone();
        let mutator = thread::spawn(move || {
            assert_eq!(there.handed_over(), Some(1));
            there.end_hand_over();
        });
        assert!(here.await_hand_over(Duration::from_secs(3600)), "a mutator has led the pause");
        mutator.join().unwrap();
    });
}

/// The only mutator waits for the end of the cycle instead: the concurrent thread leads.
fn handed_over_to_one_that_waits() {
    let start = Instant::now();
    check(move || {
        let here = Arc::new(major());
        here.begin(CycleFigures::new(Cause::Explicit, start));
        here.hand_over(1);
        let there = here.clone();
        let mutator = thread::spawn(move || there.wait_for_one_after(0, || unreachable!("a cycle is under way")));
        assert!(!here.await_hand_over(Duration::from_secs(3600)), "no mutator has led a pause");
        here.marked(0);
        here.end_hand_over();
        here.end(1, |_| CollectReport(1));
        assert_eq!(mutator.join().unwrap(), CollectReport(1));
    });
}

#[test]
fn the_end_of_marking_is_led_by_the_mutator_that_it_is_handed_over_to() {
    handed_over();
    handed_over_to_one_that_waits();
}

#[test]
fn mutant_ending_the_hand_over_without_the_lock_is_found() {
    let test = "major_cycle::mutant_ending_the_hand_over_without_the_lock_is_found";
    must_fail(test, mutant::END_HAND_OVER_WITHOUT_THE_LOCK, handed_over);
}

/// The concurrent thread is about to rest until the marking of an idle heap can end, and the heap becomes busy.
fn busy_while_it_rests() {
    let start = Instant::now();
    check(move || {
        let here = Arc::new((major(), Idle::new(Duration::ZERO, Box::new(|| ()))));
        here.0.begin(CycleFigures::new(Cause::Explicit, start));
        let there = here.clone();
        let marker = thread::spawn(move || there.0.rest(Duration::ZERO, || there.1.rests()));
        here.1.note_activity(&here.0);
        marker.join().unwrap();
    });
}

#[test]
fn a_rest_ends_when_the_heap_is_busy() {
    busy_while_it_rests();
}

#[test]
fn mutant_waking_one_that_rests_without_the_lock_is_found() {
    let test = "major_cycle::mutant_waking_one_that_rests_without_the_lock_is_found";
    must_fail(test, mutant::WAKE_WITHOUT_THE_LOCK, busy_while_it_rests);
}

#[test]
fn a_collection_ends_when_it_is_swept_whoever_is_late() {
    two_collections();
}

#[test]
fn mutant_ending_whatever_is_there_is_found() {
    must_fail("major_cycle::mutant_ending_whatever_is_there_is_found", mutant::END_ANY, two_collections);
}
