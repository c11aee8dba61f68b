//! Committing memory without a lock, and taking it under one: `memory::frontier`, and the steps of `Memory::committed`.
//!
//! Two threads take a page each. What they take is committed ([frontier.below]), and none is refused while the system refuses nothing
//! ([frontier.ahead]).

use crate::{
    Arc, check,
    memory::{PAGE, address_map::Part, frontier::Frontier},
    must_fail,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mutant::Mutant,
    },
    thread,
};

/// A range counts as committed before it is.
const NOTED_BEFORE: Mutant = Mutant::of_model("noted_before");

/// A thread is refused what another one has committed since it failed.
const REFUSED_AT_ONCE: Mutant = Mutant::of_model("commit_refused_at_once");

const PAGES: usize = 3;

struct World {
    frontier: Frontier,
    /// The next page. The lock is that of the part.
    next: Mutex<usize>,
    committed: [AtomicUsize; PAGES],
}

impl World {
    fn new() -> Self {
        Self {
            frontier: Frontier::new(0, Part { start: 0, bytes: PAGES * PAGE }, PAGE),
            next: Mutex::new(0),
            committed: [0; PAGES].map(AtomicUsize::new),
        }
    }

    /// Takes a page, and uses it. Returns `None` if it is refused.
    fn take(&self) -> Option<usize> {
        loop {
            let before = self.frontier.committed_bytes();
            let mut next = self.next.lock();
            let page = *next;
            if self.frontier.reach((page + 1) * PAGE) {
                *next += 1;
                // Relaxed, here and below: what the frontier says orders it.
                assert_eq!(self.committed[page].load(Ordering::Relaxed), 1, "a use of the page traps");
                return Some(page);
            }
            drop(next);
            let commits = self.commit();
            if !if REFUSED_AT_ONCE.is_planted() { commits } else { self.frontier.committed_bytes() > before } {
                return None;
            }
        }
    }

    /// Commits what is missing, without a lock. Returns whether something was.
    fn commit(&self) -> bool {
        let Some((offset, bytes)) = self.frontier.missing(0) else { return false };
        if NOTED_BEFORE.is_planted() {
            self.frontier.note(offset + bytes);
        }
        for page in &self.committed[offset / PAGE..(offset + bytes) / PAGE] {
            page.store(1, Ordering::Relaxed);
        }
        self.frontier.note(offset + bytes);
        true
    }
}

fn two_threads() {
    check(|| {
        let here = Arc::new(World::new());
        let there = here.clone();
        let other = thread::spawn(move || there.take());
        let own = here.take();
        let other = other.join().unwrap();
        assert!(own.is_some() && other.is_some() && own != other, "one is refused: {own:?}, {other:?}");
    });
}

#[test]
fn what_is_taken_is_committed() {
    two_threads();
}

#[test]
fn mutant_a_range_that_counts_as_committed_before_it_is_is_found() {
    must_fail("frontier::mutant_a_range_that_counts_as_committed_before_it_is_is_found", NOTED_BEFORE, two_threads);
}

/// Shuttle knows no orderings.
#[test]
#[cfg(not(gc_shuttle))]
fn mutant_a_commit_that_others_do_not_see_is_found() {
    must_fail(
        "frontier::mutant_a_commit_that_others_do_not_see_is_found",
        crate::sync::mutant::RELAXED_COMMIT,
        two_threads,
    );
}

#[test]
fn mutant_a_thread_that_is_refused_what_another_one_commits_is_found() {
    must_fail(
        "frontier::mutant_a_thread_that_is_refused_what_another_one_commits_is_found",
        REFUSED_AT_ONCE,
        two_threads,
    );
}
