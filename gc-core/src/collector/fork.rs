//! `fork`: the child has one thread, and goes on with the heaps.
//!
//! ```text
//!   prepare:  stop each heap ─▶ take every lock of each heap and of the process ─▶ (the system copies the process)
//!   parent:   free the locks ─▶ resume the heaps
//!   child:    free the locks ─▶ forget the threads that are gone ─▶ only the thread that forks may run
//! ```
//!
//! The handlers are registered by `pthread_atfork` when the first heap is created. What they rely
//! on:
//!
//! - **[fork.stopped]** A heap is stopped as for a pause, except that the mutator of the thread
//!   that forks, if it runs one, counts as at rest: the thread is in `fork`, and in no function of
//!   this crate. So in the child no mutator is half-way through an allocation, a store or a change
//!   of a cell, and the concurrent thread, if it was marking, has put its work into `marking`. By
//!   the argument for pauses ([mutator-state.owner], [safepoint.no-new-runners]) the child's leader
//!   may use all of it. Nothing is moved, and no stop is counted ([cell.stop]): the thread's
//!   pointers and guards stay good.
//! - **[fork.locked]** Every lock is held during the copy, so what it guards is whole. In the child
//!   its word is set to FREE ([lock.word]): the threads that slept on it are gone. A thread that is
//!   between two critical sections has in hand what it took out in the first one: dead values,
//!   chunks of roots, a job. In the child that is nobody's, and leaks.
//! - **[fork.gone]** In the child the state words of all other mutators, and of the concurrent
//!   thread, are BLOCKED for ever. No stop waits for them, and their roots stay, except those in
//!   frames: these lie in the stacks of threads that are gone, which the system uses for new ones.
//!   (Dormant ones stay dormant.) Threads of the heap count as not started
//!   ([on-demand.under-the-lock]): a concurrent thread that is started goes on with the cycle that
//!   is under way. Parts of dead values whose thread is gone lose the value that was being dropped;
//!   the rest is posted again, and what waits is counted anew. (A rest that a thread has taken from
//!   behind a slow destructor and was about to post leaks.)
//! - **[fork.threads]** The child starts the threads of heaps without std, of which another thread
//!   may have had a lock (`workers::start`).
//! - **[fork.tolerance]** Threads without a running mutator, such as one that drops a root or a
//!   destructor's, are waited for by no pause. So every pause finds what they share as it is
//!   between two of their steps, and so may the child.
//! - **[fork.leader]** The thread that forks may run a mutator that another leader waits for, which
//!   has the registry locked. That leader has changed nothing yet. If it waits for this mutator
//!   only, the heap is stopped except for that one, and stays so while the park lock is held. In
//!   the child the registry's lock is freed, too, since the leader is gone.
//! - **[fork.given-up]** Heaps are stopped within [`TIMEOUT`], and the locks taken within the same
//!   time again. A heap that could not be stopped until then, or of which a lock could not be had,
//!   is given up: the child may read it and let go of it (`Collector::is_elsewhere`). So is the
//!   heap whose own thread forks, in a destructor or a hook: that thread has dead values or a job
//!   in hand. So no fork waits for ever. What is given up stays so in the child's children, though
//!   nothing runs in it any more.
//! - **[fork.at-rest]** A thread that waits for another one's fork, to fork itself or to create a
//!   heap or let go of one, counts as at rest, like the one that forks: it goes on only when that
//!   fork has ended. It says so under a lock of its own, before it waits, and takes that back while
//!   it has the lock that it waited for.
//!
//! The order: locks of several heaps are taken in the order of the heaps' list, floor by floor as
//! in `collector`. Before them come the lock of this file, under which one thread forks, and that
//! of the list; between the generations and the state of `major` come the clock's ([clock.listed])
//! and those of the owners of counted objects; last the park locks. No thread holds a lock of one
//! heap while it waits for one of another, except as a leader that waits for mutators, which the
//! deadline ends.

use core::{ptr, time::Duration};
use std::{thread, time::Instant};

use parking_lot::lock_api::{RawMutex as _, RawMutexTimed as _};

use crate::{
    counted,
    safepoint::{Member, StateWord, Stopped},
    sync::{
        Arc, Mutex, MutexGuard, RawLock, Weak,
        atomic::{AtomicBool, Ordering},
        held, raw,
    },
    workers::{note_fork, role},
};

use super::{
    attachment::{self, Attachment},
    collector::Collector,
    registry::{Attached, Registry},
    stop, watch,
};

/// The heaps of the process.
static HEAPS: Mutex<Vec<Weak<Collector>>> = Mutex::new(Vec::new());

/// One fork at a time.
static FORK: Mutex<Fork> = Mutex::new(Fork { heaps: Vec::new(), locks: Vec::new(), has_owners: false });

/// The mutators whose threads wait for a fork ([fork.at-rest]).
static AT_REST: Mutex<Vec<AtRest>> = Mutex::new(Vec::new());

/// How long a fork waits for heaps to stop.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long it waits for the registry of its own mutator's heap, before it looks again whether the
/// leader that has it waits for this thread.
const NAP: Duration = Duration::from_micros(50);

/// How long it waits for each heap at first. Then it lets the heap go on, and tries again for twice
/// as long: meanwhile one of its mutators may have come to wait for this fork.
const SHORT: Duration = Duration::from_millis(5);

/// The longest of these times: threads that come to safepoints seldom have to come at the same
/// time.
const LONG: Duration = Duration::from_millis(200);

/// A fork that is under way.
struct Fork {
    heaps: Vec<Prepared>,
    /// The locks that are held, the list's first, except those of the registries.
    locks: Vec<Held>,
    /// Whether those of the owners of counted objects are among them.
    has_owners: bool,
}

/// A lock that the thread that forks holds.
#[derive(Clone, Copy)]
struct Held(*const RawLock);

// SAFETY: only the thread that has `FORK` locked uses them, while the heaps that they are of are kept.
unsafe impl Send for Held {}

/// A mutator that runs, whose thread waits for a fork.
#[derive(Clone, Copy)]
struct AtRest {
    heap: *const Collector,
    word: *const StateWord,
}

// SAFETY: the word is that of a mutator whose thread waits ([fork.at-rest]), and `heap` is compared only.
unsafe impl Send for AtRest {}

/// A heap during a fork.
struct Prepared {
    collector: Arc<Collector>,
    mutators: Vec<Attached>,
    /// Its mutators that were at rest at the last attempt to stop it, with that of this thread.
    at_rest: Vec<AtRest>,
    stop: Stop,
}

/// How a heap was stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// By the thread that forks, which has the registry locked.
    Here,
    /// By another leader, which waits for the mutator of the thread that forks ([fork.leader]).
    ByAnother,
    /// [fork.given-up].
    GivenUp,
}

/// Has forks look after a heap.
pub(crate) fn enter(collector: &Arc<Collector>) {
    static IS_REGISTERED: AtomicBool = AtomicBool::new(false);
    // Relaxed: it is done once. No thread waits for another one here, which a child of a fork might lack. A fork before the end of
    // the call is as without handlers.
    if !IS_REGISTERED.swap(true, Ordering::Relaxed) {
        // SAFETY: the handlers are functions of this program, which unwind nowhere: a panic in them aborts. If the system has no memory
        // to note them, forks are as without them: every heap is given up.
        let _ = unsafe { pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    }
    lock_at_rest(&HEAPS).push(Arc::downgrade(collector));
}

/// Ends that, for a heap that ends. A fork that is under way has released the heap when this
/// returns.
pub(crate) fn leave(collector: &Arc<Collector>) {
    let own = Arc::as_ptr(collector);
    lock_at_rest(&HEAPS).retain(|heap| heap.as_ptr() != own);
}

/// Takes a lock that a thread has for all of its fork. The mutator that this thread runs is at rest
/// meanwhile ([fork.at-rest]).
fn lock_at_rest<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    if let Some(guard) = mutex.try_lock() {
        return guard;
    }
    let Some(own) = own() else { return mutex.lock() };
    let own = AtRest::of(own);
    AT_REST.lock().push(own);
    let guard = mutex.lock();
    AT_REST.lock().retain(|other| other.word != own.word);
    guard
}

/// Takes the lock of a registry, for a thread that may run a mutator of another heap. A fork that
/// has stopped the one heap may be waiting for the other one: the thread is at rest, then, until
/// that fork has ended.
pub(crate) fn lock_registry(collector: &Collector) -> MutexGuard<'_, Registry> {
    loop {
        if let Some(registry) = collector.registry.try_lock_for(SHORT) {
            return registry;
        }
        drop(lock_at_rest(&HEAPS));
    }
}

/// Ends the visits to a heap whose last user goes. As for [`lock_registry`], a fork may have
/// stopped a visit.
pub(super) fn end_visits(collector: &Collector) {
    collector.visits.end(SHORT, || drop(lock_at_rest(&HEAPS)));
}

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> core::ffi::c_int;
}

/// Called by `fork`, before the copy.
extern "C" fn prepare() {
    let mut fork = lock_at_rest(&FORK);
    let heaps = HEAPS.lock();
    fork.locks.push(Held(raw(&HEAPS)));
    fork.heaps.extend(heaps.iter().filter_map(Weak::upgrade).map(|collector| Prepared {
        collector,
        mutators: Vec::new(),
        at_rest: Vec::new(),
        stop: Stop::GivenUp,
    }));
    core::mem::forget(heaps);
    fork.stop_all(after(TIMEOUT));
    fork.lock_all(after(TIMEOUT));
    core::mem::forget(fork);
}

/// Called by `fork` in the parent, after the copy.
extern "C" fn parent() {
    // SAFETY: `prepare` has locked it, on this thread, and forgotten the guard.
    let fork = unsafe { &mut *FORK.data_ptr() };
    let list = fork.locks.remove(0);
    while let Some(lock) = fork.locks.pop() {
        // SAFETY: locked by `prepare` on this thread, and of a heap that is kept, or a static.
        unsafe { (*lock.0).unlock() };
    }
    for heap in fork.heaps.drain(..) {
        if heap.stop == Stop::Here {
            heap.collector.rendezvous.resume(heap.others());
            // SAFETY: as above.
            unsafe { raw(&heap.collector.registry).unlock() };
        }
    }
    // SAFETY: as above. A heap that ends has waited for this.
    unsafe { (*list.0).unlock() };
    // SAFETY: as above; `fork` is not used after this.
    unsafe { raw(&FORK).unlock() };
}

/// Called by `fork` in the child.
extern "C" fn child() {
    // SAFETY: as in `parent`.
    let fork = unsafe { &mut *FORK.data_ptr() };
    note_fork();
    let has_clock = fork.locks.iter().any(|lock| ptr::eq(lock.0, watch::lock_word()));
    for lock in fork.locks.drain(..) {
        // SAFETY: this is the only thread, and has locked it, so what it guards is whole ([fork.locked]).
        unsafe { (*lock.0).reset() };
    }
    AT_REST.lock().clear();
    if has_clock {
        watch::forget_threads();
    }
    for heap in fork.heaps.drain(..) {
        if heap.stop != Stop::GivenUp {
            // SAFETY: this is the only thread. It has locked it, or a leader that has changed nothing has ([fork.leader]).
            unsafe { raw(&heap.collector.registry).reset() };
            heap.go_on_alone();
        } else if let Some(own) = own()
            && Arc::ptr_eq(&own.collector, &heap.collector)
        {
            // It goes on running, though a stop was under way.
            own.word.reset(true);
        }
    }
    // SAFETY: as above; `fork` is not used after this.
    unsafe { raw(&FORK).reset() };
    held::forget();
}

impl Fork {
    /// Stops the heaps, that of this thread's mutator last: to stop it may take the locks of the
    /// owners.
    fn stop_all(&mut self, deadline: Instant) {
        let own = own();
        let is_own = |heap: &Prepared| own.is_some_and(|own| Arc::ptr_eq(&own.collector, &heap.collector));
        // A heap that takes long keeps no other one from being stopped.
        let mut timeout = SHORT;
        loop {
            let mut is_done = true;
            let others = self.heaps.iter_mut().filter(|heap| heap.stop == Stop::GivenUp && !is_own(heap));
            for heap in others.filter(|heap| !heap.is_lost()) {
                let until = deadline.min(after(timeout));
                is_done &= heap.stop_here(until, until);
            }
            if is_done || Instant::now() >= deadline {
                break;
            }
            timeout = LONG.min(2 * timeout);
        }
        let Some(own) = own else { return };
        let Some(index) = self.heaps.iter().position(|heap| is_own(heap) && !heap.is_lost()) else { return };
        let mut timeout = SHORT;
        while !self.heaps[index].stop_here(after(NAP), deadline.min(after(timeout)))
            && !self.stopped_by_another(index, &own.word, deadline)
            && Instant::now() < deadline
        {
            timeout = LONG.min(2 * timeout);
        }
    }

    /// Looks whether another leader waits for this thread's mutator, which has this word, and for
    /// no other one that is not at rest. Then it stays so ([fork.leader]).
    fn stopped_by_another(&mut self, index: usize, own: &StateWord, deadline: Instant) -> bool {
        let heap = &mut self.heaps[index];
        heap.note_at_rest();
        let rendezvous = &heap.collector.rendezvous;
        // SAFETY: their threads wait for this one ([fork.at-rest]), or are this one.
        let at_rest = heap.at_rest.iter().map(|at_rest| unsafe { &*at_rest.word });
        // Those of the owners come first.
        if lock_all(&mut self.locks, counted::lock_words(), deadline) {
            let park = rendezvous.park_lock();
            if own.is_straggler() && rendezvous.waits_for_only(&park, at_rest) {
                self.locks.push(Held(rendezvous.lock_word()));
                core::mem::forget(park);
                self.has_owners = true;
                heap.stop = Stop::ByAnother;
                return true;
            }
        }
        for lock in self.locks.drain(1..) {
            // SAFETY: locked just now: before it there is the list's only.
            unsafe { (*lock.0).unlock() };
        }
        false
    }

    /// Takes all locks except those of the registries, also those of the heaps that are given up:
    /// so the child can use what they guard.
    fn lock_all(&mut self, deadline: Instant) {
        let Self { heaps, locks, has_owners } = self;
        // Nobody unlocks what was lost in an earlier fork.
        let deadline_of = |heap: &Prepared| if heap.collector.is_elsewhere() { Instant::now() } else { deadline };
        for heap in &mut *heaps {
            heap.keep_if(lock_all(locks, first_locks(&heap.collector), deadline_of(heap)));
        }
        let mut all = lock_all(locks, [watch::lock_word()], deadline);
        // A job may be posted under these.
        all &= *has_owners || lock_all(locks, counted::lock_words(), deadline);
        for heap in &mut *heaps {
            heap.keep_if(lock_all(locks, last_locks(&heap.collector), deadline_of(heap)));
        }
        for heap in heaps {
            heap.keep_if(all);
            if heap.stop != Stop::ByAnother {
                heap.keep_if(lock_all(locks, [heap.collector.rendezvous.lock_word()], deadline_of(heap)));
            }
        }
        // Held for moments only, by threads that wait for nothing meanwhile.
        raw(&AT_REST).lock();
        locks.push(Held(raw(&AT_REST)));
        *has_owners = false;
    }
}

/// Returns the time so long from now.
fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now)
}

/// Returns the attachment of the mutator that this thread runs, if it runs one. It is there during
/// the whole fork.
fn own() -> Option<&'static Attachment> {
    // SAFETY: not null, so it exists ([attachment.current]); this thread does nothing with it but to fork.
    unsafe { attachment::current().as_ref() }
}

/// Returns the locks of a heap between that of the registry and the clock's, in their order.
fn first_locks(collector: &Collector) -> [&RawLock; 6] {
    let Collector { trims, young, old, large, clearing, marking, .. } = collector;
    [raw(trims), raw(young), raw(old), raw(large), raw(clearing), raw(marking)]
}

/// Returns the locks of a heap between those of the owners and the park lock, in their order.
fn last_locks(collector: &Collector) -> impl Iterator<Item = &RawLock> {
    let Collector {
        background,
        major,
        satb,
        registered,
        sites,
        stats,
        roots,
        candidates,
        workers,
        idle,
        pressure,
        visits,
        yielding,
        ..
    } = collector;
    // The handle of the concurrent thread is locked under the state. The others are leaves.
    let first = [major.lock_word()].into_iter().chain(background.lock_words());
    let leaves = [satb.lock_word(), candidates.lock_word(), idle.lock_word(), pressure.lock_word()];
    let leaves = leaves.into_iter().chain([visits.lock_word(), yielding.lock_word()]);
    first
        .chain(registered.lock_words())
        .chain([sites.lock_word()])
        .chain(leaves)
        .chain([stats.lock_words(), workers.lock_words()].into_iter().flatten())
        .chain(roots.lock_words())
}

/// Takes locks one after the other, as many as can be had. Returns whether all are held.
fn lock_all<'a>(held: &mut Vec<Held>, locks: impl IntoIterator<Item = &'a RawLock>, deadline: Instant) -> bool {
    let mut all = true;
    for lock in locks {
        let taken = lock.try_lock_until(deadline);
        if taken {
            held.push(Held(lock));
        }
        all &= taken;
    }
    all
}

impl AtRest {
    fn of(own: &Attachment) -> Self {
        Self { heap: Arc::as_ptr(&own.collector), word: &*own.word }
    }
}

impl Prepared {
    /// Returns whether the child can do no more with it than let go of it: one of its own threads
    /// forks, or it was given up in an earlier fork.
    fn is_lost(&self) -> bool {
        role::serves(Arc::as_ptr(&self.collector)) || self.collector.is_elsewhere()
    }

    /// Returns the members that are not at rest by themselves.
    fn others(&self) -> impl Iterator<Item = Member<'_>> + Clone {
        let is_other = |member: &Member<'_>| !self.at_rest.iter().any(|at_rest| ptr::eq(at_rest.word, member.word));
        stop::members(&self.collector, &self.mutators).filter(is_other)
    }

    /// Notes which mutators are at rest by themselves. They stay so for all of this fork.
    fn note_at_rest(&mut self) {
        let heap = Arc::as_ptr(&self.collector);
        self.at_rest.clear();
        self.at_rest.extend(AT_REST.lock().iter().copied().chain(own().map(AtRest::of)));
        self.at_rest.retain(|at_rest| at_rest.heap == heap);
    }

    /// Stops the heap, except the mutators that are at rest. Waits for the registry until `until`,
    /// and for mutators until the deadline. Returns whether it is stopped.
    fn stop_here(&mut self, until: Instant, deadline: Instant) -> bool {
        let collector = self.collector.clone();
        let Some(registry) = collector.registry.try_lock_until(until) else { return false };
        self.mutators.clear();
        self.mutators.extend_from_slice(registry.mutators.awake());
        self.note_at_rest();
        let timeout = deadline.saturating_duration_since(Instant::now());
        let stopped = collector.rendezvous.stop(self.others(), timeout, |_| None);
        if stopped == Stopped::CalledOff {
            return false;
        }
        core::mem::forget(registry);
        self.stop = Stop::Here;
        true
    }

    /// Gives the heap up, unless `keep`. Its mutators go on then, in the parent.
    fn keep_if(&mut self, keep: bool) {
        if keep {
            return;
        }
        if self.stop == Stop::Here {
            self.collector.rendezvous.resume(self.others());
            // SAFETY: locked by `stop_here`, on this thread.
            unsafe { raw(&self.collector.registry).unlock() };
        }
        self.stop = Stop::GivenUp;
    }

    /// Makes the heap that of a process with one thread ([fork.gone]).
    fn go_on_alone(&self) {
        let collector = &self.collector;
        let running = own().map(|own| &*own.word);
        let registry = collector.registry.lock();
        collector.rendezvous.forget_threads(stop::members(collector, registry.mutators.awake()), running);
        let here = thread::current().id();
        for attached in registry.mutators.awake().iter().chain(registry.mutators.dormant()) {
            let state = attached.state();
            // This thread's own may be blocked, with frames that it comes back to.
            if state.thread.id() != here {
                state.roots.frames.forget();
            }
        }
        drop(registry);
        collector.old.lock().counting.forget_threads();
        collector.major.forget_threads();
        collector.visits.forget_threads();
        collector.yielding.forget_threads();
        collector.workers.forget_threads();
        collector.background.forget_threads();
        // A thread that was to begin may be gone.
        collector.registered.queues.forget_threads();
        // Relaxed: there is no other thread.
        collector.process.store(std::process::id(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
