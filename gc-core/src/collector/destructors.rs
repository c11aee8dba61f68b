//! The threads that run destructors, and how the background thread watches them.
//!
//! ```text
//!   post ─▶ dead ─▶ one thread takes a part or roots, and drops value after value
//!             ▲          │ a destructor runs for long
//!             └── rest ──┘ and a further thread is started, which takes it
//! ```
//!
//! The first thread is started when something waits; it stays. The background thread looks at them now and then while something waits.
//! If the destructor of one value has been running for the time that the settings say, what that thread had still to do is posted again,
//! and a further thread is started, up to [`MOST`]. When the destructor returns, its thread goes on with other values, and the threads that
//! are too many leave ([job-queue.one-stays]).
//!
//! - **[destructors.no-lock]** No lock is held while a destructor runs.
//! - **[destructors.once]** A value is dropped once: a job is taken once ([job-queue.once]), and in a part each value is claimed
//!   ([claims.once]). Jobs are not ordered among each other, nor are the values of one job.
//! - **[destructors.own-stack]** Destructors run on threads with large stacks: nested `Box`es in one object are dropped recursively.

use std::{thread::JoinHandle, time::Instant};

use crate::{
    stats::event::Event,
    sync::Arc,
    workers::{
        self,
        role::{Role, set_role},
    },
};

use super::{
    collector::Collector,
    dropping::run_part,
    jobs::{Dead, Job},
    nested_roots,
};

/// The most threads of a heap that run destructors at a time.
pub(super) const MOST: usize = 8;

/// The threads that run destructors, for the background thread.
#[derive(Default)]
pub(super) struct Destructors {
    threads: Vec<JoinHandle<()>>,
}

impl Destructors {
    /// Looks at what waits, and starts a thread if none is free to drop it. Returns when to look again, if anything waits, and whether a
    /// destructor has been running for long.
    pub(super) fn look(&mut self, collector: &Arc<Collector>) -> (Option<Instant>, bool) {
        let background = &collector.background;
        let long = collector.config.slow_destructor;
        let look = background.pending.look(long);
        for rest in look.rests {
            background.dead.post(Dead::Part(rest));
        }
        for slow in look.slow {
            let (type_name, threads) = (slow.type_name.unwrap_or("a large object"), look.held_up);
            background.post(Job::Report(Event::DestructorSlow { type_name, ran: slow.ran, threads, most: MOST }));
        }
        if let Some(amount) = look.to_report {
            background.report_behind(amount);
        }
        if !look.waits {
            return (None, false);
        }
        self.join_those_that_left();
        let now = Instant::now();
        if self.threads.len() <= look.held_up && self.threads.len() < MOST && !self.start(collector) {
            // The system has refused a thread, so this one drops something.
            if self.threads.is_empty()
                && let Some(dead) = background.dead.take()
            {
                background.end.in_program(|| run(collector, dead));
                return (Some(now), look.held_up > 0);
            }
        }
        (now.checked_add(long), look.held_up > 0)
    }

    fn start(&mut self, collector: &Arc<Collector>) -> bool {
        let own = collector.clone();
        let thread = workers::start("gc-core destructors", move || {
            set_role(Role::Collector);
            while let Some(dead) = own.background.dead.next_of_several() {
                run(&own, dead);
            }
        });
        thread.map(|thread| self.threads.push(thread)).is_ok()
    }

    fn join_those_that_left(&mut self) {
        for thread in self.threads.extract_if(.., |thread| thread.is_finished()) {
            join(thread);
        }
    }

    /// Waits for the threads. The queue has ended, and nothing waits to be dropped.
    pub(super) fn join(self) {
        self.threads.into_iter().for_each(join);
    }
}

fn join(thread: JoinHandle<()>) {
    // Panics of destructors are caught: a panic that gets here is a bug of this crate.
    if thread.join().is_err() {
        eprintln!("gc-core: a thread that runs destructors panicked");
    }
}

/// Drops dead values. The caller holds no lock ([destructors.no-lock]).
fn run(collector: &Collector, dead: Dead) {
    match dead {
        Dead::Part(part) => run_part(collector, part),
        Dead::Roots { roots, batch } => nested_roots::drop_roots(collector, roots, batch),
    }
}
