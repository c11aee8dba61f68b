//! The background thread: reports events, gives memory back, sees to it that dead values are
//! dropped, and ends the heap.
//!
//! ```text
//!   post(Job) ─▶ queue ─▶ this thread, which also looks after those that run destructors (`destructors`)
//!   last handle, root and mutator gone ─▶ end ─▶ the queue is emptied, every object left is posted to be dropped
//!     ─▶ all are dropped ─▶ the threads that dropped them leave, and this one ends
//! ```
//!
//! It is started when a job is posted, and leaves when there is none and the heap is idle
//! ([job-queue.leaves]). Where it is not there, the thread that drops the last handle does the
//! beginning of the end itself, and where nothing is left to be dropped, all of it.
//!
//! - **[jobs.no-destructor]** No destructor runs on this thread, unless the system refuses another
//!   one. So none delays an event.
//! - **[jobs.no-wait]** While the event hook runs, a thread is there that runs destructors. But
//!   this one looks after none that is slow.
//! - **[jobs.no-lock]** No lock is held while user code (the event hook) runs.
//! - **[jobs.end-owns]** At its end this thread owns what is left in the heap: no other thread is
//!   left that could use it. Destructors of what was found dead before may be running still; they
//!   have what they drop for themselves.
//! - **[jobs.end-waits]** The memory of a heap is there until the last of its destructors has
//!   returned. The thread that dropped the last handle waits for that, until a destructor has been
//!   running for long (`end_signal`).
//! - **[jobs.end-let-go]** No thread waits for another one to end that has run code of the program,
//!   such as the event hook: the thread-locals it has left may hang. So the threads that run
//!   destructors release the heap before they leave ([presence.left]), this thread does before it
//!   tells of the end, and the thread that waits for that is the last, and unmaps the memory. If
//!   none waits, this thread is the last.

use core::ptr::NonNull;
use std::{collections::HashSet, panic, time::Instant};

use crate::{
    memory::bitmap::ones,
    registered::Removals,
    settings::config::{BuildError, Config, Unfinalized},
    stats::event::Event,
    sync::{Arc, atomic::Ordering},
    workers::{
        self,
        role::{Role, role, serve},
    },
};

use super::{
    collector::{Collector, Starts},
    concurrent, destructors,
    end_signal::{EndSignal, Ending},
    fork,
    handle::Handle,
    job_queue::Next,
    jobs::Job,
    parts::Values,
    trim, watch,
};

/// Creates a heap, which starts its threads when it needs them.
pub(crate) fn create(config: Config) -> Result<Handle, BuildError> {
    let starts = Starts {
        background: start,
        concurrent: concurrent::start,
        work_in_its_place: concurrent::work_in_its_place,
        watch: watch::watch,
    };
    let collector = Collector::new(config, &starts)?;
    fork::enter(&collector);
    if collector.config.stress.workers != 0 {
        // The GC workers take part from the first collection on.
        collector.background.post(Job::StartWorkers);
    }
    Ok(Handle::new(collector, end))
}

/// Starts the background thread of a heap. Returns whether the system has started it.
fn start(collector: &Arc<Collector>) -> bool {
    start_with(collector, |own| {
        let Some(own) = work(own) else { return Life::GoesOn };
        if end_threads(&own) {
            post_everything(&own);
            finish(own);
        }
        Life::Ended
    })
}

/// Whether a heap goes on when its background thread leaves.
enum Life {
    GoesOn,
    Ended,
}

/// Starts a background thread of a heap, which does `live`. Returns whether the system has started
/// it.
fn start_with(collector: &Arc<Collector>, live: fn(Arc<Collector>) -> Life) -> bool {
    let own = collector.clone();
    let thread = workers::start("gc-core collector", move || {
        serve(Arc::as_ptr(&own));
        // Also if this panics, by a bug of this crate: the heap leaks then.
        let mut tell = TellTheEnd(Some(own.background.end.clone()));
        if let Life::GoesOn = live(own) {
            tell.0 = None;
        }
    });
    thread.is_ok()
}

/// Ends the threads of a heap that nothing uses any more, and waits until everything is dropped,
/// unless a destructor or the event hook runs for long ([jobs.end-waits]) or the settings say not
/// to wait. A collector thread does not wait: the last handle may have been in an object that it is
/// dropping. The background thread is not joined ([jobs.end-let-go]).
///
/// If that thread is not there, the caller ends the heap itself, as far as that takes no code of
/// the program.
fn end(collector: &Arc<Collector>) {
    collector.pressure.end();
    watch::forget(collector);
    fork::leave(collector);
    let background = &collector.background;
    if !background.queue.end() {
        if !end_threads(collector) || !post_everything(collector) {
            return;
        }
        let rest = |own| {
            finish(own);
            Life::Ended
        };
        if !start_with(collector, rest) {
            eprintln!("gc-core: the system refuses a thread: what is left in a heap that ends is never dropped");
            core::mem::forget(collector.clone());
            return;
        }
    }
    let Config { end_waits, slow_destructor, .. } = collector.config;
    if end_waits && role() != Role::Collector {
        background.end.wait(slow_destructor);
    }
}

/// Tells that everything is dropped, when the background thread has released the heap
/// ([jobs.end-let-go]).
struct TellTheEnd(Option<Arc<EndSignal>>);

impl Drop for TellTheEnd {
    fn drop(&mut self) {
        if let Some(end) = &self.0 {
            end.tell(Ending::Dropped);
        }
    }
}

/// Runs the jobs until the heap ends, and looks after destructors meanwhile. Returns the heap then,
/// or `None` where this thread leaves before: the heap is idle, and nothing waits.
fn work(mut collector: Arc<Collector>) -> Option<Arc<Collector>> {
    let queue = collector.background.queue.clone();
    let mut look_at = None;
    loop {
        match queue.next(look_at, || look_at.is_none() && !collector.idle.is_busy()) {
            Next::Job(Job::Watch) => look_at = destructors::look(&collector).again,
            Next::Job(job) => run(&collector, job),
            Next::Nothing => {}
            Next::Rest => {
                // They leave, too.
                collector.background.dead.wake();
                let mut held = Some(collector);
                if queue.leave(|| held = None) {
                    return None;
                }
                collector = held?;
            }
            Next::Ended => return Some(collector),
        }
        if look_at.is_some_and(|at| at <= Instant::now()) {
            look_at = destructors::look(&collector).again;
        }
    }
}

/// Ends the concurrent thread and the GC workers. Returns whether the heap is in order.
fn end_threads(collector: &Collector) -> bool {
    collector.major.end_thread();
    let marker = collector.background.marker.lock().take();
    if marker.is_some_and(|marker| marker.join().is_err()) {
        // The thread runs no user code except `Trace`: a panic is a bug of this crate, and nothing is dropped.
        eprintln!("gc-core: the marker panicked");
        return false;
    }
    collector.workers.join();
    true
}

/// Waits until everything is dropped, and ends the threads that do it. The queue of jobs has ended:
/// what is posted now comes from them, and is done at once.
fn finish(collector: Arc<Collector>) {
    let (collector, background) = (&collector, &collector.background);
    background.pending.tell_when_empty();
    loop {
        let looked = destructors::look(collector);
        if looked.is_slow && background.end.tell(Ending::Alone) {
            let (values, ..) = background.drops();
            background.post(Job::Report(Event::EndsAlone { values }));
        }
        if !looked.waits {
            break;
        }
        if let Next::Job(job) = background.queue.next(looked.again, || false) {
            run(collector, job);
        }
    }
    // What destructors have posted was posted before they counted as dropped.
    while let Some(job) = background.queue.take() {
        run(collector, job);
    }
    destructors::end(collector);
}

/// Runs one job. The caller holds no lock ([jobs.no-lock]).
fn run(collector: &Arc<Collector>, job: Job) {
    match job {
        Job::Report(event) => {
            // [jobs.no-wait].
            destructors::start_first(collector);
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

/// Posts every object and root that is left, to be dropped ([jobs.end-owns]). No root that was put
/// aside is: it would keep the heap alive. Returns whether something is left to be done by a thread
/// of the heap.
fn post_everything(collector: &Collector) -> bool {
    let leaks = match collector.config.unfinalized {
        Unfinalized::Dropped => HashSet::new(),
        Unfinalized::Leaked => {
            let mut leaks = collector.registered.unfinalized();
            leaks.extend(collector.clearing.lock().finalized());
            leaks
        }
    };
    collector.registered.end();
    collector.background.look_after(&collector.registered.queues, Removals::All);
    let mut boxed = Vec::new();
    collector.roots.end(|value| boxed.push(value));
    for values in [Values::Boxed(boxed), Values::InPlace(objects_to_drop(collector, &leaks))] {
        collector.background.post_values(values);
    }
    let (pending, ..) = collector.background.drops();
    pending > 0 || !collector.background.queue.is_empty() || collector.background.destructors.threads() > 0
}

/// Returns every object that needs dropping, without those that leak.
fn objects_to_drop(collector: &Collector, leaks: &HashSet<NonNull<u8>>) -> Vec<NonNull<u8>> {
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
    objects.retain(|object| !leaks.contains(object));
    objects
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::atomic::AtomicBool;

    use super::{Arc, Collector, Config, Handle, Ordering, Starts, concurrent, end, start};
    use crate::{Collect, Heap, Leaf, collector::users::Users};

    static REFUSES: AtomicBool = AtomicBool::new(true);

    fn is_refused() -> bool {
        REFUSES.load(Ordering::Relaxed)
    }

    /// A heap whose threads the system refuses for a while.
    fn refused() -> Heap {
        let starts = Starts {
            background: |collector| !is_refused() && start(collector),
            concurrent: |collector| !is_refused() && concurrent::start(collector),
            work_in_its_place: concurrent::work_in_its_place,
            watch: |_| (),
        };
        let collector = Collector::new(Config::default(), &starts).unwrap();
        Heap::of(Arc::new(Users::new(Handle::new(collector, end))))
    }

    /// What needs a thread waits until there is one; collections do not.
    #[test]
    fn a_heap_works_where_the_system_refuses_threads_and_drops_values_later() {
        let (heap, shared) = (refused(), Arc::new(()));
        let mut m = heap.attach().unwrap();
        let kept = m.root(m.alloc_slice_with(1000, |n| n as u64));
        for round in 1..=3 {
            m.alloc(Leaf(shared.clone()));
            m.alloc_slice_with(100_000, |n| n as u64);
            m.collect(Collect::Young);
            m.collect(Collect::Full);
            assert_eq!(heap.stats().collections.full, round);
        }
        assert_eq!(kept.get(&m)[999], 999);
        assert!(m.drain_drops(Duration::ZERO).is_err() && Arc::strong_count(&shared) == 4);
        REFUSES.store(false, Ordering::Relaxed);
        m.collect(Collect::Young);
        m.drain_drops(Duration::from_secs(120)).unwrap();
        assert_eq!(Arc::strong_count(&shared), 1);
        // Without a thread it ends on this one, as nothing is left to be dropped.
        REFUSES.store(true, Ordering::Relaxed);
        drop(refused());
        drop((m, kept));
    }
}
