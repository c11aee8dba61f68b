//! Giving free runs of large objects back against allocation and a pause: `space::free_runs`, and the steps of `collector::trim`.
//!
//! - A thread takes free runs off the list under its lock, gives their memory back without it, and lists them as clean
//!   ([free-runs.leaving]). Nothing that is written into a run meanwhile is lost.
//! - An allocation that is refused waits for what is on its way back, and tries again ([trim.found]): it is not refused in the end.
//! - A pause frees the run of a dead object at any time, and waits for no more than the lock of the list. What it finds charged is in
//!   use or free ([trim.counted]).
//!
//! The part has four pages. Two are free and may have memory behind them, one has an object that a pause finds dead, and one was never
//! used. A limit of three pages leaves no room beside these.

use crate::{
    Arc, check, must_fail,
    space::free_runs::{FreeRuns, Kind, Span},
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

const PAGES: usize = 4;

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
        let mut free = FreeRuns::new(PAGES as u32);
        for page in 0..3 {
            assert_eq!(free.take(1, || true), Some((page, Kind::Bare)));
        }
        free.insert(Span { page: 0, pages: 2 }, Kind::Dirty);
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
        let leaving = self.free.lock().take_surplus(0, 2);
        if LISTED_BEFORE.is_planted() {
            self.free.lock().put_clean(&leaving);
        }
        for run in &leaving {
            for page in run.page..run.page + run.pages {
                self.memory[page as usize].store(0, Ordering::Relaxed);
            }
        }
        let pages = leaving.iter().map(|run| run.pages as usize).sum();
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
            if let Some((page, _)) = self.free.lock().take(2, || self.charge(2)) {
                *made = true;
                for page in page..page + 2 {
                    self.memory[page as usize].store(1, Ordering::Relaxed);
                }
                return Some(page as usize);
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
        free.insert(Span { page: 2, pages: 1 }, Kind::Dirty);
        let charged = self.charged.load(Ordering::Relaxed);
        assert_eq!(charged, free.charged() + if *made { 2 } else { 0 }, "room is found twice");
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
        assert_eq!((free.charged() + 2, free.dirty() + 2), (charged, charged), "a run is on its way for ever");
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
