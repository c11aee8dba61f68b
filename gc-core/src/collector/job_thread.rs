//! The background thread: reports events, gives memory back, sees to it that dead values are dropped, and ends the heap.
//!
//! ```text
//!   post(Job) ─▶ queue ─▶ this thread, which also looks after those that run destructors (`destructors`)
//!   last handle, root and mutator gone ─▶ end ─▶ the queue is emptied, every object left is posted to be dropped
//!     ─▶ all are dropped ─▶ the threads end
//! ```
//!
//! - **[jobs.no-destructor]** No destructor runs on this thread, unless the system refuses another one. So none delays an event.
//! - **[jobs.no-lock]** No lock is held while user code (the event hook) runs.
//! - **[jobs.end-owns]** At its end this thread owns what is left in the heap: no other thread is left that could use it. Destructors of
//!   what was found dead before may be running still; they have what they drop for themselves.
//! - **[jobs.end-waits]** The memory of a heap is there until the last of its destructors has returned. The thread that dropped the last
//!   handle waits for that, until a destructor has been running for long (`end_signal`).

use core::ptr::NonNull;
use std::{panic, thread, time::Instant};

use crate::{
    memory::bitmap::ones,
    settings::config::{BuildError, Config},
    stats::event::Event,
    sync::{Arc, atomic::Ordering},
    workers::{
        self,
        role::{Role, set_role},
    },
};

use super::{
    collector::Collector, concurrent, destructors::Destructors, end_signal::Ending, handle::Handle, job_queue::Next,
    jobs::Job, parts::Values, trim,
};

/// Creates a heap and starts its threads.
pub(crate) fn start(config: Config) -> Result<Handle, BuildError> {
    let collector = Arc::new(Collector::new(config)?);
    let thread = start_threads(&collector).map_err(|error| BuildError::Thread(error.to_string()))?;
    if collector.config.stress.workers != 0 {
        // The GC workers take part from the first collection on.
        collector.background.post(Job::StartWorkers);
    }
    Ok(Handle::new(collector, thread))
}

/// Starts the threads of a heap: the background thread and the concurrent thread.
fn start_threads(collector: &Arc<Collector>) -> std::io::Result<thread::JoinHandle<()>> {
    let marker = concurrent::start(collector.clone())?;
    let own = collector.clone();
    let background = workers::start("gc-core collector", move || {
        set_role(Role::Collector);
        // Also if this panics, by a bug of this crate: the heap leaks then.
        let _tell = TellTheEnd(&own);
        let mut destructors = Destructors::default();
        work(&own, &mut destructors);
        own.major.end_thread();
        let marker = own.background.marker.lock().take();
        if marker.is_some_and(|marker| marker.join().is_err()) {
            // The thread runs no user code except `Trace`: a panic is a bug of this crate, and nothing is dropped.
            eprintln!("gc-core: the marker panicked");
            return;
        }
        own.workers.join();
        post_everything(&own);
        finish(&own, destructors);
    });
    match background {
        Ok(_) => *collector.background.marker.lock() = Some(marker),
        Err(_) => {
            collector.major.end_thread();
            let _ = marker.join();
        }
    }
    background
}

/// Tells that everything is dropped, when the background thread ends.
struct TellTheEnd<'a>(&'a Collector);

impl Drop for TellTheEnd<'_> {
    fn drop(&mut self) {
        self.0.background.end.tell(Ending::Dropped);
    }
}

/// Runs the jobs until the heap ends, and looks after destructors meanwhile.
fn work(collector: &Arc<Collector>, destructors: &mut Destructors) {
    let mut look_at = None;
    loop {
        match collector.background.queue.next(look_at) {
            Next::Job(Job::Watch) => (look_at, _) = destructors.look(collector),
            Next::Job(job) => run(collector, job),
            Next::Nothing => {}
            Next::Ended => return,
        }
        if look_at.is_some_and(|at| at <= Instant::now()) {
            (look_at, _) = destructors.look(collector);
        }
    }
}

/// Waits until everything is dropped, and ends the threads that do it. The queue of jobs has ended: what is posted now comes from
/// destructors.
fn finish(collector: &Arc<Collector>, mut destructors: Destructors) {
    let background = &collector.background;
    let report = || {
        while let Some(job) = background.queue.take() {
            run(collector, job);
        }
    };
    loop {
        let (look_at, is_slow) = destructors.look(collector);
        if is_slow && background.end.tell(Ending::Alone) {
            let (values, ..) = background.drops();
            background.post(Job::Report(Event::EndsAlone { values }));
        }
        report();
        let Some(look_at) = look_at else { break };
        let timeout = look_at.saturating_duration_since(Instant::now());
        if background.pending.drain(timeout).is_ok() {
            break;
        }
    }
    background.dead.end();
    background.end.in_program(|| destructors.join());
    report();
}

/// Runs one job. The caller holds no lock ([jobs.no-lock]).
fn run(collector: &Collector, job: Job) {
    match job {
        Job::Report(event) => {
            let tell = &collector.background.hook.tell;
            collector.background.end.in_program(|| {
                // The panic hook has reported a panic of the event hook. The collector goes on.
                if let Err(payload) = panic::catch_unwind(panic::AssertUnwindSafe(|| tell(&event))) {
                    core::mem::forget(payload);
                }
            });
        }
        Job::StartWorkers => {
            if let Err(error) = collector.workers.start(collector.config.workers) {
                let event = Event::NoHelper { helpers: collector.workers.count(), os: error.to_string() };
                collector.background.post(Job::Report(event));
            }
        }
        Job::Trim if collector.idle.rests() => trim::release_all(collector),
        Job::Trim => trim::release_unused(collector),
        Job::FreeChunks(chunks) => drop(chunks),
        // Looked after by the caller: while the heap works, or at its end.
        Job::Watch => {}
    }
}

/// Posts every object and root that is left, to be dropped ([jobs.end-owns]). No root that was put aside is: it would keep the heap alive.
fn post_everything(collector: &Collector) {
    let mut boxed = Vec::new();
    collector.roots.end(|value| boxed.push(value));
    for values in [Values::Boxed(boxed), Values::InPlace(objects_to_drop(collector))] {
        collector.background.post_values(values);
    }
}

/// Returns every object that needs dropping.
fn objects_to_drop(collector: &Collector) -> Vec<NonNull<u8>> {
    let mut young = collector.young.lock();
    let old = &collector.old.lock().space;
    let mut large = collector.large.lock();
    let mut objects = core::mem::take(&mut young.drops);
    let (swept, unswept) = (core::mem::take(&mut large.old), core::mem::take(&mut large.unswept));
    let runs = swept.into_iter().chain(unswept).chain(core::mem::take(&mut young.fresh_large));
    let runs = runs.map(|page| collector.runs.object(page as usize)).filter(|(_, info)| info.drop.is_some());
    objects.extend(runs.filter_map(|(address, _)| NonNull::new(address)));
    for (index, block) in old.blocks.iter().enumerate() {
        let Some(class) = block.class.filter(|_| block.drops) else { continue };
        // Relaxed: no other thread is left.
        let words = old.bits.drops.block(index).each_ref().map(|word| word.load(Ordering::Relaxed));
        objects.extend(ones(words).filter_map(|granule| NonNull::new(old.address(index, class, granule))));
    }
    objects
}
