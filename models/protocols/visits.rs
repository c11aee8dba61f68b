//! Threads of a heap visit it while its last user goes: `collector::visits`.
//!
//! `Heap::touch` stands for any access through the mutator by which a visit is made, and for what the last user does when it goes. Visits exclude each
//! other here by a lock that stands for what they share.

use core::time::Duration;

use crate::{
    Arc, Heap, check,
    collector::visits::Visits,
    must_fail,
    sync::{Mutex, mutant, mutant::Mutant},
    thread,
};

/// A visit ends before its mutator has detached.
const ENDS_BEFORE_IT_HAS_DETACHED: Mutant = Mutant::of_model("ends_before_it_has_detached");

struct World {
    visits: Visits,
    /// The turn of one visit: so that only the last user can be in another's way.
    turn: Mutex<()>,
    heap: Heap,
}

impl World {
    fn visit(&self) {
        let Some(visit) = self.visits.begin() else { return };
        let turn = self.turn.lock();
        if ENDS_BEFORE_IT_HAS_DETACHED.is_planted() {
            drop(visit);
            self.heap.touch();
            return;
        }
        // It attaches, and changes objects.
        for _ in 0..2 {
            self.heap.touch();
            if visit.is_over() {
                break;
            }
        }
        drop(turn);
        drop(visit);
    }
}

/// Two threads visit, one of them twice, while the last user goes.
fn last_user_goes() {
    check(|| {
        let here = Arc::new(World { visits: Visits::new(), turn: Mutex::new(()), heap: Heap::new() });
        let threads = [1, 2].map(|times| {
            let there = here.clone();
            thread::spawn(move || (0..times).for_each(|_| there.visit()))
        });
        here.visits.end(Duration::MAX, || ());
        here.heap.touch();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(here.visits.begin().is_none());
    });
}

#[test]
fn the_last_user_waits_for_visits() {
    last_user_goes();
}

#[test]
fn mutant_a_visit_that_is_counted_late_is_found() {
    must_fail("visits::mutant_a_visit_that_is_counted_late_is_found", mutant::VISIT_IS_COUNTED_LATE, last_user_goes);
}

#[test]
fn mutant_a_visit_that_ends_unseen_is_found() {
    must_fail("visits::mutant_a_visit_that_ends_unseen_is_found", mutant::VISIT_ENDS_UNSEEN, last_user_goes);
}

#[test]
fn mutant_a_visit_that_ends_before_it_has_detached_is_found() {
    let name = "visits::mutant_a_visit_that_ends_before_it_has_detached_is_found";
    must_fail(name, ENDS_BEFORE_IT_HAS_DETACHED, last_user_goes);
}
