//! A writer that stops for ever, at whatever step, keeps no other thread from ending what it does: the map is lock-free.
//!
//! The scheduler lets the writer do some steps, that is accesses to what threads share, and runs it no more until the others have ended. It does so for every number of
//! steps, until the writer ends before. Others that wait for it would go on for ever, and there is a bound for that.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc as Outside;

use shuttle::{
    Config, MaxSteps, Runner,
    scheduler::{Schedule, Scheduler, Task, TaskId},
};

use crate::{Arc, must_fail_in, sync::mutant, thread};

use super::{History, MUTATOR, Map, OPERATIONS, Operation, random::Random};

/// The first thread that a model spawns.
const WRITER: usize = 1;

/// A schedule by chance, in which the writer stops.
struct Stops {
    /// The steps that the writer does before it stops.
    at: u64,
    executions: u64,
    random: Random,
    shared: Outside<Shared>,
}

/// What the scheduler and the model tell each other.
#[derive(Default)]
struct Shared {
    /// The writer has begun, and the others may.
    begun: AtomicBool,
    /// The steps that the writer has done.
    steps: AtomicU64,
    others_have_ended: AtomicBool,
    /// The writer has ended before it stopped.
    writer_has_ended: AtomicBool,
}

impl Scheduler for Stops {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.executions = self.executions.checked_sub(1)?;
        self.shared.begun.store(false, Ordering::Relaxed);
        self.shared.others_have_ended.store(false, Ordering::Relaxed);
        self.shared.steps.store(0, Ordering::Relaxed);
        Some(Schedule::new(self.random.draw()))
    }

    fn next_task(&mut self, tasks: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        // Relaxed, here and elsewhere: threads of a model run one at a time.
        let shared = &self.shared;
        let is_writer = |task: &&&Task| usize::from(task.id()) == WRITER && shared.begun.load(Ordering::Relaxed);
        let stopped =
            shared.steps.load(Ordering::Relaxed) >= self.at && !shared.others_have_ended.load(Ordering::Relaxed);
        let ready: Vec<&&Task> = tasks.iter().filter(|task| !(stopped && is_writer(task))).collect();
        assert!(!ready.is_empty(), "all threads wait for one that has stopped after {} steps", self.at);
        let next = ready[self.random.below(ready.len() as u64) as usize];
        if is_writer(&next) {
            shared.steps.fetch_add(1, Ordering::Relaxed);
        }
        Some(next.id())
    }

    fn next_u64(&mut self) -> u64 {
        self.random.draw()
    }
}

/// What the map is like when the writer begins.
#[derive(Clone, Copy, Debug)]
struct Begin {
    /// Other keys that are put in, and how many of those are removed.
    others: (u64, u64),
    /// Whether the key is there.
    has_key: bool,
}

/// What the others do, which is enough to move the table once or twice.
fn other(map: &Map, history: &History, thread: u64, seed: u64) {
    let mut random = Random::new(seed ^ thread);
    for number in 0..6 {
        let new = 20 + thread * 16 + number;
        let operation = OPERATIONS[random.below(OPERATIONS.len() as u64) as usize];
        history.call(map, operation, random.below(2), new);
        if thread == 0 {
            (0..3).for_each(|other| _ = map.insert(&MUTATOR, 1000 + number * 8 + other, 0));
        } else {
            assert_eq!(map.remove(&MUTATOR, &(100 + number)), None);
            (0..2).for_each(|other| _ = map.insert(&MUTATOR, 2000 + other, 0));
            (0..2).for_each(|other| _ = map.remove(&MUTATOR, &(2000 + other)));
        }
    }
}

/// Runs a writer that stops after so many steps, and others. Returns whether it had ended before.
fn stops(begin: Begin, operation: Operation, at: u64) -> bool {
    let shared = Outside::new(Shared::default());
    let scheduler = Stops { at, executions: 1, random: Random::new(at << 8 | begin.others.0), shared: shared.clone() };
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(30_000);
    let result = shared.clone();
    Runner::new(scheduler, config).run(move || {
        let seed = shuttle::rand::RngCore::next_u64(&mut shuttle::rand::thread_rng());
        let (map, history) = (Arc::new(Map::default()), Arc::new(History::default()));
        let (put, removed) = begin.others;
        (0..put).for_each(|key| _ = map.insert(&MUTATOR, 300 + key, 0));
        (0..removed).for_each(|key| _ = map.remove(&MUTATOR, &(300 + key)));
        if begin.has_key {
            map.insert(&MUTATOR, 0, 7);
        }
        let ended = Outside::new(AtomicBool::new(false));
        let writer = thread::spawn({
            let (map, history, ended) = (map.clone(), history.clone(), ended.clone());
            move || {
                history.call(&map, operation, 0, 9);
                ended.store(true, Ordering::Relaxed);
            }
        });
        shared.begun.store(true, Ordering::Relaxed);
        let others = [0, 1].map(|thread| {
            let (map, history) = (map.clone(), history.clone());
            thread::spawn(move || other(&map, &history, thread, seed))
        });
        for thread in others {
            thread.join().unwrap();
        }
        shared.writer_has_ended.fetch_or(ended.load(Ordering::Relaxed), Ordering::Relaxed);
        shared.others_have_ended.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        history.check(&map, &[begin.has_key.then_some(7), None]);
    });
    result.writer_has_ended.load(Ordering::Relaxed)
}

const BEGINS: [(u64, u64); 6] = [(0, 0), (5, 0), (6, 0), (11, 0), (20, 17), (20, 18)];

/// Stops a writer at each of its steps. Returns how many there were, of the writer that did most.
fn at_every_step() -> u64 {
    let mut most = 0;
    for others in BEGINS {
        for operation in &OPERATIONS[1..] {
            for has_key in [false, true] {
                let ends = |&at: &u64| stops(Begin { others, has_key }, *operation, at);
                most = most.max((0..10_000).find(ends).expect("a writer ends"));
            }
        }
    }
    most
}

#[test]
fn a_writer_that_stops_keeps_no_other_thread_from_ending() {
    let steps = at_every_step();
    // It has moved a table of 32 slots, or done a part of that.
    assert!(steps > 50, "found {steps} steps of a writer");
}

#[test]
fn mutant_a_move_that_is_waited_for_is_found() {
    const TEST: &str = "of_maps::progress::mutant_a_move_that_is_waited_for_is_found";
    must_fail_in(TEST, mutant::MOVE_IS_WAITED_FOR, "exceeded max_steps", || _ = at_every_step());
}
