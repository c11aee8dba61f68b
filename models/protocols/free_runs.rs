//! Giving free runs of large objects back against allocation and a pause: `space::free_runs`, and the steps of `collector::trim`.
//!
//! - A thread takes free runs off the list under its lock, gives their memory back without it, and lists them as clean
//!   ([free-runs.leaving]). Nothing that is written into a run meanwhile is lost.
//! - An allocation that is refused waits for what is on its way back, and tries again ([trim.found]): it is not refused in the end.
//! - A pause frees the run of a dead object at any time, and waits for no more than the lock of the list. What it finds charged is in
//!   use or free ([trim.counted]).
//! - Two threads make objects on pages that were never committed. The second object begins where the first one ends, but only when the
//!   page in which that is was committed ([run.bare]).
//!
//! The part has four pages. Two are free and may have memory behind them, one has an object that a pause finds dead, and one was never
//! used. A limit of three pages leaves no room beside these.

use crate::{
    Arc, check,
    memory::PAGE,
    must_fail,
    space::free_runs::{Found, FreeRuns, Kind, Span},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mutant::{self, Mutant},
    },
    thread,
};

/// Runs are listed as clean before their memory is given back.
const LISTED_BEFORE: Mutant = Mutant::of_model("runs_listed_before");
/// Runs are discharged when their memory has been given back, before they are listed.
const DISCHARGED_BEFORE: Mutant = Mutant::of_model("runs_discharged_before");
/// A refused allocation does not wait for what is on its way back.
const REFUSED_AT_ONCE: Mutant = Mutant::of_model("refused_at_once");
/// What is behind an object in its last page is listed before that page is committed.
const REST_LISTED_BEFORE: Mutant = Mutant::of_model("rest_listed_before");

const PAGES: usize = 4;

/// Returns so many pages from a page on.
fn pages(page: usize, count: usize) -> Span {
    Span { start: page * PAGE, bytes: count * PAGE }
}

struct World {
    limit: usize,
    /// Held by the mutator while it allocates, and by a pause. Whether the object was made.
    mutator: Mutex<bool>,
    trims: Mutex<usize>,
    free: Mutex<FreeRuns>,
    charged: AtomicUsize,
    /// What is on each page.
    memory: [AtomicUsize; PAGES],
}

impl World {
    fn new(limit: usize) -> Self {
        let mut free = FreeRuns::new(PAGES * PAGE);
        for page in 0..3 {
            let found = Found { start: page * PAGE, bare: Some(pages(page, 1)) };
            assert_eq!(free.take(PAGE, |_| true), Some(found));
        }
        free.insert(pages(0, 2), Kind::Dirty);
        Self {
            limit,
            mutator: Mutex::new(false),
            trims: Mutex::new(0),
            free: Mutex::new(free),
            charged: AtomicUsize::new(3),
            memory: [0; PAGES].map(AtomicUsize::new),
        }
    }

    fn charge(&self, pages: usize) -> bool {
        // Relaxed, here and below: a counter that guards no other memory; the lock of the list orders what uses a page.
        let refused = self.charged.fetch_add(pages, Ordering::Relaxed) + pages > self.limit;
        if refused {
            self.charged.fetch_sub(pages, Ordering::Relaxed);
        }
        !refused
    }

    /// Gives back at most two pages.
    fn trim(&self) {
        let mut trims = self.trims.lock();
        let leaving = self.free.lock().take_surplus(0, 2 * PAGE);
        if LISTED_BEFORE.is_planted() {
            self.free.lock().put_clean(&leaving);
        }
        for run in &leaving {
            for page in run.start / PAGE..run.end() / PAGE {
                self.memory[page].store(0, Ordering::Relaxed);
            }
        }
        let pages = leaving.iter().map(|run| run.bytes / PAGE).sum();
        if DISCHARGED_BEFORE.is_planted() {
            self.charged.fetch_sub(pages, Ordering::Relaxed);
        }
        let mut free = self.free.lock();
        if !LISTED_BEFORE.is_planted() {
            free.put_clean(&leaving);
        }
        if !DISCHARGED_BEFORE.is_planted() {
            self.charged.fetch_sub(pages, Ordering::Relaxed);
        }
        drop(free);
        *trims += 1;
    }

    /// Makes an object of two pages, whatever waits has to be given back first. Returns its first page.
    fn allocate(&self) -> Option<usize> {
        let mut seen = None;
        loop {
            let mut made = self.mutator.lock();
            if let Some(found) = self.free.lock().take(2 * PAGE, |bytes| self.charge(bytes / PAGE)) {
                *made = true;
                let page = found.start / PAGE;
                for page in page..page + 2 {
                    self.memory[page].store(1, Ordering::Relaxed);
                }
                return Some(page);
            }
            drop(made);
            if REFUSED_AT_ONCE.is_planted() {
                return None;
            }
            let trims = *self.trims.lock();
            if seen.replace(trims) == Some(trims) {
                return None;
            }
        }
    }

    /// Frees the run of the object that is dead. Mutators are stopped meanwhile: an object of two pages was made, or none.
    fn pause(&self) {
        let made = self.mutator.lock();
        let mut free = self.free.lock();
        free.insert(pages(2, 1), Kind::Dirty);
        let charged = self.charged.load(Ordering::Relaxed);
        assert_eq!(charged, free.charged() / PAGE + if *made { 2 } else { 0 }, "room is found twice");
    }
}

fn trim_allocate_and_pause(limit: usize) {
    check(move || {
        let here = Arc::new(World::new(limit));
        let [trims, pauses] = [here.clone(), here.clone()];
        let trims = thread::spawn(move || trims.trim());
        let pauses = thread::spawn(move || pauses.pause());
        let page = here.allocate().expect("there is memory for it, though some is on its way back");
        trims.join().unwrap();
        pauses.join().unwrap();
        let whole = (page..page + 2).all(|page| here.memory[page].load(Ordering::Relaxed) == 1);
        assert!(whole, "what was written is lost");
        let free = here.free.lock();
        let charged = here.charged.load(Ordering::Relaxed);
        let [all, dirty] = [free.charged(), free.dirty()].map(|bytes| bytes / PAGE + 2);
        assert_eq!((all, dirty), (charged, charged), "a run is on its way for ever");
    });
}

/// Objects of one and a half pages.
const BYTES: usize = PAGE + PAGE / 2;

/// Makes an object, by the steps of `collector::refill`. Returns where it begins.
fn make(free: &Mutex<FreeRuns>, committed: &[AtomicUsize; PAGES]) -> usize {
    let mut list = free.lock();
    let found = list.take(BYTES, |_| true).expect("four pages hold two objects");
    let end = found.start + BYTES;
    if let Some(bare) = found.bare {
        let rest = Span { start: end, bytes: bare.end().saturating_sub(end) };
        if REST_LISTED_BEFORE.is_planted() {
            list.insert(rest, Kind::Dirty);
        }
        drop(list);
        // Relaxed: a figure of the model; the lock of the list orders who finds the page.
        (bare.start / PAGE..bare.end() / PAGE).for_each(|page| committed[page].store(1, Ordering::Relaxed));
        if !REST_LISTED_BEFORE.is_planted() {
            free.lock().insert(rest, Kind::Dirty);
        }
    }
    for page in &committed[found.start / PAGE..end.div_ceil(PAGE)] {
        assert_eq!(page.load(Ordering::Relaxed), 1, "an object is written on a page that is not committed");
    }
    found.start
}

fn two_objects_on_bare_pages() {
    check(|| {
        let here = Arc::new((Mutex::new(FreeRuns::new(PAGES * PAGE)), [0; PAGES].map(AtomicUsize::new)));
        let there = here.clone();
        let other = thread::spawn(move || make(&there.0, &there.1));
        let starts = [make(&here.0, &here.1), other.join().unwrap()];
        assert!(starts[0].abs_diff(starts[1]) >= BYTES, "{starts:?}: the objects overlap");
    });
}

fn with_room() {
    trim_allocate_and_pause(PAGES + 1);
}

fn at_the_limit() {
    trim_allocate_and_pause(3);
}

#[test]
fn what_is_written_into_a_run_stays_though_runs_are_given_back() {
    with_room();
}

#[test]
fn an_allocation_at_the_limit_finds_what_is_on_its_way_back() {
    at_the_limit();
}

#[test]
fn an_object_begins_in_no_page_that_is_not_committed() {
    two_objects_on_bare_pages();
}

#[test]
fn mutant_a_rest_that_is_listed_before_its_page_is_committed_is_found() {
    must_fail(
        "free_runs::mutant_a_rest_that_is_listed_before_its_page_is_committed_is_found",
        REST_LISTED_BEFORE,
        two_objects_on_bare_pages,
    );
}

#[test]
fn mutant_runs_that_stay_listed_while_they_leave_are_found() {
    must_fail(
        "free_runs::mutant_runs_that_stay_listed_while_they_leave_are_found",
        mutant::LEAVING_RUNS_STAY_LISTED,
        with_room,
    );
}

#[test]
fn mutant_runs_listed_before_their_memory_is_given_back_are_found() {
    must_fail("free_runs::mutant_runs_listed_before_their_memory_is_given_back_are_found", LISTED_BEFORE, with_room);
}

#[test]
fn mutant_an_allocation_that_does_not_wait_is_found() {
    must_fail("free_runs::mutant_an_allocation_that_does_not_wait_is_found", REFUSED_AT_ONCE, at_the_limit);
}

#[test]
fn mutant_runs_discharged_before_they_are_listed_are_found() {
    must_fail("free_runs::mutant_runs_discharged_before_they_are_listed_are_found", DISCHARGED_BEFORE, with_room);
}
