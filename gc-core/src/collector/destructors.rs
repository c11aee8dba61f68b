//! The threads that run destructors, and how the background thread watches them.
//!
//! ```text
//!   post ─▶ dead ─▶ one thread takes a part or roots, and drops value after value
//!             ▲          │ a destructor runs for long
//!             └── rest ──┘ and a further thread is started, which takes it
//! ```
//!
//! The first thread is started when something waits, or when an event is reported; it stays until
//! the heap is idle. The background thread looks at them now and then while something waits. If the
//! destructor of one value has been running for the time that the settings say, what that thread
//! had still to do is posted again, and a further thread is started, up to [`MOST`]. When the
//! destructor returns, its thread goes on with other values, and the threads that are too many
//! leave ([job-queue.one-stays]). Nobody joins them (`presence`).
//!
//! - **[destructors.no-lock]** No lock is held while a destructor runs.
//! - **[destructors.once]** A value is dropped once: a job is taken once ([job-queue.once]), and in
//!   a part each value is claimed ([claims.once]). Jobs are not ordered among each other, nor are
//!   the values of one job.
//! - **[destructors.own-stack]** Destructors run on threads with large stacks: nested `Box`es in
//!   one object are dropped recursively.

use std::time::Instant;

use crate::{
    stats::event::Event,
    sync::Arc,
    workers::{self, role::serve},
};

use super::{
    collector::Collector,
    dropping::run_part,
    jobs::{Background, Dead, Job},
    nested_roots,
    pending::Slow,
    presence::{Presence, Present},
};

/// The most threads of a heap that run destructors at a time. Those that have left do not count,
/// though their thread-locals may still be being destroyed.
pub(super) const MOST: usize = 8;

/// What a look at the destructors has found.
pub(super) struct Looked {
    /// Whether anything waits to be dropped.
    pub(super) waits: bool,
    /// When to look again: never, if nothing waits or no destructor can be slow.
    pub(super) again: Option<Instant>,
    /// Whether a destructor has been running for long.
    pub(super) is_slow: bool,
}

/// Looks at what waits, and starts a thread if none is free to drop it. Called by the background
/// thread, as what follows.
pub(super) fn look(collector: &Arc<Collector>) -> Looked {
    let background = &collector.background;
    let long = collector.config.slow_destructor;
    let look = background.pending.look(long);
    for rest in look.rests {
        background.dead.post(Dead::Part(rest));
    }
    for slow in look.slow {
        let Slow { type_name, ran } = slow;
        background.post(Job::Report(Event::DestructorSlow { type_name, ran, threads: look.held_up, most: MOST }));
    }
    if let Some(amount) = look.to_report {
        background.report_behind(amount);
    }
    let (now, is_slow) = (Instant::now(), look.held_up > 0);
    if !look.waits {
        return Looked { waits: false, again: None, is_slow: false };
    }
    let threads = background.dead.serving();
    if threads <= look.held_up && threads < MOST && !start(collector) {
        // The system has refused a thread, so this one drops something.
        if threads == 0
            && let Some(dead) = background.dead.take()
        {
            background.end.in_program(|| run(collector, dead));
            return Looked { waits: true, again: Some(now), is_slow };
        }
    }
    Looked { waits: true, again: now.checked_add(long), is_slow }
}

/// Starts the first thread if there is none, before the background thread runs code of the program:
/// meanwhile it cannot.
pub(super) fn start_first(collector: &Arc<Collector>) {
    // If the system refuses it, it is tried again when something waits.
    let _ = collector.background.dead.serving() > 0 || start(collector);
}

fn start(collector: &Arc<Collector>) -> bool {
    collector.background.dead.enter();
    let own = OfThread { collector: collector.clone(), _present: Presence::enter(&collector.background.destructors) };
    let thread = workers::start("gc-core destructors", move || {
        serve(Arc::as_ptr(&own.collector));
        own.work();
    });
    if thread.is_err() {
        collector.background.dead.refused();
    }
    thread.is_ok()
}

/// Ends the threads, and waits until they have left. Nothing waits to be dropped, so none runs code
/// of the program.
pub(super) fn end(collector: &Collector) {
    collector.background.dead.end();
    collector.background.destructors.wait_until_all_left();
}

/// What a thread that runs destructors has until it leaves. The fields are dropped in this order:
/// [presence.left].
#[derive(Clone)]
struct OfThread {
    collector: Arc<Collector>,
    _present: Present,
}

impl OfThread {
    /// Panics of destructors are caught: a panic that gets here is a bug of this crate, and the
    /// thread leaves.
    fn work(self) {
        let Background { dead, pending, .. } = &self.collector.background;
        // [job-queue.all-leave].
        let may_leave = || !self.collector.idle.is_busy() && pending.may_leave();
        while let Some(dead) = dead.next_of_several(may_leave) {
            run(&self.collector, dead);
        }
    }
}

/// Drops dead values. The caller holds no lock ([destructors.no-lock]).
fn run(collector: &Collector, dead: Dead) {
    match dead {
        Dead::Part(part) => run_part(collector, part),
        Dead::Roots { roots, batch } => nested_roots::drop_roots(collector, roots, batch),
    }
}
