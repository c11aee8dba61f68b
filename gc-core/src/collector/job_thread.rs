//! The background thread: reports events, gives memory back, sees to it that dead values are dropped, and ends the heap.
//!
//! ```text
//!   post(Job) ─▶ queue ─▶ this thread, which also looks after those that run destructors (`destructors`)
//!   last handle, root and mutator gone ─▶ end ─▶ the queue is emptied, every object left is posted to be dropped
//!     ─▶ all are dropped ─▶ the threads that dropped them leave, and this one ends
//! ```
//!
//! - **[jobs.no-destructor]** No destructor runs on this thread, unless the system refuses another one. So none delays an event.
//! - **[jobs.no-wait]** While the event hook runs, a thread is there that runs destructors. But this one looks after none that is slow.
//! - **[jobs.no-lock]** No lock is held while user code (the event hook) runs.
//! - **[jobs.end-owns]** At its end this thread owns what is left in the heap: no other thread is left that could use it. Destructors of
//!   what was found dead before may be running still; they have what they drop for themselves.
//! - **[jobs.end-waits]** The memory of a heap is there until the last of its destructors has returned. The thread that dropped the last
//!   handle waits for that, until a destructor has been running for long (`end_signal`).
//! - **[jobs.end-let-go]** No thread waits for another one to end that has run code of the program, such as the event hook: the thread-locals
//!   it has left may hang. So the threads that run destructors release the heap before they leave ([presence.left]), this thread does
//!   before it tells of the end, and the thread that waits for that is the last, and unmaps the memory. If none waits, this thread is
//!   the last.

use core::ptr::NonNull;
use std::{panic, time::Instant};

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
    collector::Collector,
    concurrent,
    destructors::Destructors,
    end_signal::{EndSignal, Ending},
    handle::Handle,
    job_queue::Next,
    jobs::Job,
    parts::Values,
    trim,
};

/// Creates a heap and starts its threads.
pub(crate) fn start(config: Config) -> Result<Handle, BuildError> {
    let collector = Arc::new(Collector::new(config)?);
    start_threads(&collector).map_err(|error| BuildError::Thread(error.to_string()))?;
    if collector.config.stress.workers != 0 {
        // The GC workers take part from the first collection on.
        collector.background.post(Job::StartWorkers);
    }
    Ok(Handle::new(collector))
}

/// Starts the threads of a heap: the background thread and the concurrent thread.
fn start_threads(collector: &Arc<Collector>) -> std::io::Result<()> {
    let marker = concurrent::start(collector.clone())?;
    let own = collector.clone();
    let background = workers::start("gc-core collector", move || {
        set_role(Role::Collector);
        // Also if this panics, by a bug of this crate: the heap leaks then.
        let _tell = TellTheEnd(own.background.end.clone());
        live(own);
    });
    match background {
        Ok(_) => {
            *collector.background.marker.lock() = Some(marker);
            Ok(())
        }
        Err(error) => {
            collector.major.end_thread();
            let _ = marker.join();
            Err(error)
        }
    }
}

/// Tells that everything is dropped, when the background thread has released the heap ([jobs.end-let-go]).
struct TellTheEnd(Arc<EndSignal>);

impl Drop for TellTheEnd {
    fn drop(&mut self) {
        self.0.tell(Ending::Dropped);
    }
}

/// The life of the background thread.
fn live(collector: Arc<Collector>) {
    let destructors = Destructors::new();
    work(&collector, &destructors);
    collector.major.end_thread();
    let marker = collector.background.marker.lock().take();
    if marker.is_some_and(|marker| marker.join().is_err()) {
        // The thread runs no user code except `Trace`: a panic is a bug of this crate, and nothing is dropped.
        eprintln!("gc-core: the marker panicked");
        return;
    }
    collector.workers.join();
    post_everything(&collector);
    finish(&collector, &destructors);
}

/// Runs the jobs until the heap ends, and looks after destructors meanwhile.
fn work(collector: &Arc<Collector>, destructors: &Destructors) {
    let mut look_at = None;
    loop {
        match collector.background.queue.next(look_at) {
            Next::Job(Job::Watch) => look_at = destructors.look(collector).again,
            Next::Job(job) => run(collector, destructors, job),
            Next::Nothing => {}
            Next::Ended => return,
        }
        if look_at.is_some_and(|at| at <= Instant::now()) {
            look_at = destructors.look(collector).again;
        }
    }
}

/// Waits until everything is dropped, and ends the threads that do it. The queue of jobs has ended: what is posted now comes from
/// them, and is done at once.
fn finish(collector: &Arc<Collector>, destructors: &Destructors) {
    let background = &collector.background;
    background.pending.tell_when_empty();
    loop {
        let looked = destructors.look(collector);
        if looked.is_slow && background.end.tell(Ending::Alone) {
            let (values, ..) = background.drops();
            background.post(Job::Report(Event::EndsAlone { values }));
        }
        if !looked.waits {
            break;
        }
        if let Next::Job(job) = background.queue.next(looked.again) {
            run(collector, destructors, job);
        }
    }
    // What destructors have posted was posted before they counted as dropped.
    while let Some(job) = background.queue.take() {
        run(collector, destructors, job);
    }
    destructors.end(collector);
}

/// Runs one job. The caller holds no lock ([jobs.no-lock]).
fn run(collector: &Arc<Collector>, destructors: &Destructors, job: Job) {
    match job {
        Job::Report(event) => {
            // [jobs.no-wait].
            destructors.start_first(collector);
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
