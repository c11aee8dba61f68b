//! The background thread: drops dead values, reports events and gives memory back, so that no pause and no mutator has to.
//!
//! ```text
//!   post(Job) ─▶ queue ─▶ this thread, or a thread that `run_waiting_drops` starts for a caller of `collect`
//!   last handle, root and mutator gone ─▶ end ─▶ the queue is emptied, every object left is dropped, the thread ends
//! ```
//!
//! - **[jobs.no-lock]** No lock is held while user code (destructors, the event hook) runs.
//! - **[jobs.once]** A job is run once ([job-queue.once]); what a job of roots cannot do yet is another job. Jobs are not ordered
//!   among each other.
//! - **[jobs.end-owns]** The background thread owns the heap at its end: no other thread is left that could use it.

use core::ptr::NonNull;
use std::{panic, thread};

use crate::{
    counted::{owners::Object, reclaim},
    memory::bitmap::ones,
    object::Header,
    settings::config::{BuildError, Config},
    stats::event::Event,
    sync::{Arc, atomic::Ordering},
    workers::role::{Role, set_role},
};

use super::{
    collector::Collector,
    concurrent,
    drops::{DropQueue, Dropped, drop_object},
    handle::Handle,
    jobs::Job,
    nested_roots, trim,
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
    let background = thread::Builder::new().name("gc-core collector".to_owned()).stack_size(STACK).spawn(move || {
        set_role(Role::Collector);
        work(&own);
        own.major.end_thread();
        let marker = own.background.marker.lock().take();
        if marker.is_some_and(|marker| marker.join().is_err()) {
            // The thread runs no user code except `Trace`: a panic is a bug of this crate, and nothing is dropped.
            eprintln!("gc-core: the marker panicked");
            return;
        }
        own.workers.join();
        drop_everything(&own);
        // Runs the reports of destructors that panicked at the very end.
        work(&own);
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

/// Nested `Box`es in one object are dropped recursively.
const STACK: usize = 64 << 20;

fn work(collector: &Collector) {
    while let Some(job) = collector.background.queue.next() {
        run(collector, job);
    }
}

/// Runs the drops that wait now, for a thread that requested a collection and waits. They run on a thread with a large stack,
/// because values may be nested deeply. If no thread can be started, the background thread runs them.
pub(crate) fn run_waiting_drops(collector: &Collector) {
    let is_drop = |job: &Job| matches!(job, Job::Drop(_) | Job::Reclaim(_) | Job::Roots(_));
    // Other threads may post drops as fast as this runs them, and a job may be posted again, so it takes only as many as wait now.
    let now = collector.background.queue.count(is_drop);
    if now == 0 {
        return;
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("gc-core destructors".to_owned()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, || {
            set_role(Role::Collector);
            for _ in 0..now {
                let Some(job) = collector.background.queue.take(is_drop) else { return };
                run(collector, job);
            }
        });
        // Panics of destructors are caught: a panic that gets here is a bug of this crate.
        if thread.is_ok_and(|thread| thread.join().is_err()) {
            eprintln!("gc-core: a thread that runs destructors panicked");
        }
    });
}

/// Runs one job. The caller holds no lock ([jobs.no-lock]).
fn run(collector: &Collector, job: Job) {
    match job {
        Job::Drop(dead) => drop_dead(collector, dead),
        Job::Reclaim(dead) => reclaim_counted(collector, dead),
        Job::Roots(roots) => nested_roots::drop_roots(collector, roots),
        Job::Report(event) => {
            let tell = &collector.background.hook.tell;
            // The panic hook has reported a panic of the event hook. The collector goes on.
            if let Err(payload) = panic::catch_unwind(panic::AssertUnwindSafe(|| tell(&event))) {
                core::mem::forget(payload);
            }
        }
        Job::StartWorkers => {
            if let Err(error) = collector.workers.start(collector.config.workers) {
                let event = Event::NoHelper { helpers: collector.workers.count(), os: error.to_string() };
                collector.background.post(Job::Report(event));
            }
        }
        Job::Trim if collector.idle.rests() => trim::release_all(collector),
        Job::Trim => trim::release_unused(collector),
    }
}

fn drop_dead(collector: &Collector, mut dead: DropQueue) {
    let (count, bytes) = (dead.len(), dead.bytes());
    let roots = nested_roots::put_aside(collector, |dropped| {
        for page in dead.take_large() {
            let (address, info) = collector.runs.object(page as usize);
            // SAFETY: the object of a dead run, which only this job has.
            unsafe { drop_object(address, info, dropped) };
            collector.large.lock().give_back(&collector.runs, page);
        }
        dead.run(dropped);
    });
    collector.memory.budget.discharge(bytes);
    collector.background.dropped(count, bytes);
    nested_roots::drop_roots(collector, roots);
}

/// Reclaims dead counted objects.
fn reclaim_counted(collector: &Collector, dead: Vec<Object>) {
    let mut dropped = Dropped::default();
    let count = dead.len();
    for object in dead {
        dropped.values += 1;
        dropped.note(reclaim::end(object), object.kind.name);
    }
    collector.background.count(dropped);
    collector.background.dropped(count, 0);
}

/// Drops every object and root that is left ([jobs.end-owns]). No root that was put aside is: it would keep the heap alive.
fn drop_everything(collector: &Collector) {
    let mut dropped = Dropped::default();
    let mut dead = DropQueue::default();
    collector.roots.end(|value| dead.boxed(value));
    dead.run(&mut dropped);
    for address in objects_to_drop(collector) {
        // SAFETY: an object, and outside of pauses its header is a type info.
        let info = unsafe { Header::of(address.as_ptr()).info() };
        // SAFETY: no other thread is left that uses it ([jobs.end-owns]), and each object is on one list, so it is dropped
        // once.
        unsafe { drop_object(address.as_ptr(), info, &mut dropped) };
    }
    collector.background.count(dropped);
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
