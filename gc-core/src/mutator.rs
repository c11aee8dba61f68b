//! `Mutator`: one thread's attachment to one heap. Attaching, safepoints, blocking and collecting;
//! allocation is in `allocate`.
//!
//! A `Mutator` is one word, which points to the mutator's state (`collector::mutator_state`). The
//! leader of a pause reads the state while the owner is in `safepoint(&mut self)` or `blocked(&mut
//! self)`. So the state is never reached by an exclusive reference.
//!
//! - **[mutator.nothing-moves]** While a `Mutator` is not borrowed exclusively, no object of its
//!   heap moves or is freed: every function in which this thread can let a pause happen takes `&mut
//!   Mutator` or consumes it.
//! - **[mutator.one-a-thread]** A thread has at most one `Mutator` that it can use, and that one
//!   runs: all others are borrowed by `blocked`, parked or kept ([attachment.one-runs]). A
//!   `Mutator` stays on its thread. So no two can be exchanged (`mem::swap`), and all pointers that
//!   a thread can use at a time are of one heap.

mod alloc_error;
pub(crate) mod allocate;
mod attach_error;
mod compact;
mod drain;
mod first;
mod lent;
mod making;
mod old;
mod park;
pub(crate) mod tailed;
mod text;

use core::{cell::Cell, fmt, marker::PhantomData, panic::Location, ptr, ptr::NonNull, time::Duration};
use std::{
    thread::{self, Thread},
    time::Instant,
};

pub use alloc_error::AllocError;
pub use attach_error::AttachError;
pub(super) use attach_error::FORKED;
pub use drain::DropsLeft;
pub(crate) use first::attach_for_with;
pub use lent::EnterError;
pub(crate) use lent::Lent;
pub use park::{NotEntered, Parked};

use crate::{
    barrier::Barrier,
    collector::{
        Collector,
        attachment::{self, Attachment},
        await_drops::await_drops,
        detach, kept,
        major_cycle::Phase,
        mutator_state::{DropList, MutatorState, Place},
        policy,
        registry::{Attached, Registry},
        rejoin, request, stop,
        users::{Ties, Users, Visitor},
    },
    counted::Token,
    object::{CellUser, CellWord, LAST_NUMBER, PointerSlot, TypeInfo},
    old::allocate::OldCells,
    roots::{Owner, RootTable},
    safepoint::{Poll, Reason, StateWord, Stopped},
    stats::{Cause, Collect, CollectReport},
    sync::Arc,
    workers::role::{self, Role},
    young::{Buffer, Sampler},
};

/// A thread's attachment to a heap: it allocates, reads and writes objects, and lets collections
/// happen at its safepoints.
///
/// It stays on its thread (`!Send + !Sync`). Dropping it detaches the thread, and first does a
/// collection that is due. A mutator that is leaked (`mem::forget`) counts as attached and running
/// for ever. The next collection and a second thread's `attach` then wait for ever. So does every
/// thread that waits for the end of a collection, also to leave `blocked` or to detach. A warning
/// names the leaked mutator's thread each second. Nothing dangles.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let heap = gc_core::Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let sum = m.root(m.alloc(0_u64));
/// m.safepoint(); // pointers end here, roots go on
/// assert_eq!(*sum.get(&m), 0);
/// # Ok(()) }
/// ```
#[must_use = "the thread is detached when this is dropped"]
pub struct Mutator {
    pub(crate) local: NonNull<Attachment>,
    /// Never `Send` or `Sync`.
    thread: PhantomData<*mut ()>,
}

/// How long an attaching thread waits before it reports the stragglers.
const TIMEOUT: Duration = Duration::from_secs(1);

impl Mutator {
    /// Attaches this thread. Gives up after `timeout`, if there is one.
    pub(crate) fn attach(users: &Arc<Users>, timeout: Option<Duration>) -> Result<Self, AttachError> {
        if role::role() == Role::Collector {
            return Err(AttachError::CollectorThread);
        }
        if !kept::has_none() {
            return Err(AttachError::AlreadyAttached);
        }
        let collector = &users.handle.collector;
        let local = Self::admit(collector, || users.ties(), StateWord::running, timeout)?;
        let mutator = Self { local, thread: PhantomData };
        mutator.local().user.set(Some(users.clone()));
        mutator.run_as_own(users.heap);
        Ok(mutator)
    }

    /// Attaches this thread, one of the heap's own, for a visit, which is under way and ends after
    /// the mutator is dropped. Gives up after `timeout`.
    pub(crate) fn visit(visitor: &Visitor, collector: &Arc<Collector>, timeout: Duration) -> Result<Self, AttachError> {
        let local = Self::admit(collector, || visitor.ties(), StateWord::running, Some(timeout))?;
        let mutator = Self { local, thread: PhantomData };
        mutator.run_as_own(visitor.heap);
        Ok(mutator)
    }

    /// Makes this thread a participant of the heap, and ties its mutator to it. Gives up after
    /// `timeout`, if there is one.
    fn admit(
        collector: &Arc<Collector>,
        ties: impl FnOnce() -> Ties,
        word: fn(u32) -> StateWord,
        timeout: Option<Duration>,
    ) -> Result<NonNull<Attachment>, AttachError> {
        let (start, thread) = (Instant::now(), thread::current());
        if collector.is_elsewhere() {
            return Err(AttachError::Forked);
        }
        let mut registry = match timeout {
            None => collector.registry.lock(),
            Some(timeout) => match collector.registry.try_lock_for(timeout) {
                Some(registry) => registry,
                None => return Err(AttachError::TimedOut { threads: Vec::new() }),
            },
        };
        // The first and the second mutator stop the world. The first one does because the new stop number ends the guards that were
        // forgotten earlier: the concurrent thread, which reads cells, has to see the number. The second one does because cells
        // need atomic operations from now on: the first mutator has to see that, at a safepoint.
        let stops = registry.mutators.len() <= 1;
        let others = if stops { registry.mutators.awake().to_vec() } else { Vec::new() };
        let Some(number) = registry.numbers.take() else { return Err(AttachError::TooMany) };
        let mut late = Vec::new();
        let next = || match timeout {
            None => Some(TIMEOUT),
            Some(timeout) => Some(timeout.checked_sub(start.elapsed())?.min(TIMEOUT)),
        };
        let late_ones = |waited| {
            if waited >= TIMEOUT {
                stop::report_stragglers(collector, &others, waited);
            }
            late = others.iter().filter(|o| o.state().word.is_straggler()).map(Attached::thread).collect();
            next()
        };
        let stopped = if stops {
            collector.rendezvous.stop(stop::members(collector, &others), next().unwrap_or_default(), late_ones)
        } else {
            Stopped::All { last: None }
        };
        if stopped == Stopped::CalledOff {
            registry.numbers.give_back(number);
            return Err(AttachError::TimedOut { threads: late });
        }
        let local = Self::register(ties(), &mut registry, word(number), number, thread);
        if stops {
            stop::count_stop(collector, &registry.mutators);
            registry.numbers.end_rest();
            collector.rendezvous.resume(stop::members(collector, &others));
        }
        drop(registry);
        Ok(local)
    }

    /// Makes the state of a mutator and enters it in the registry. The caller is the leader: it
    /// holds the registry lock.
    fn register(
        Ties { users, handle }: Ties,
        registry: &mut Registry,
        word: StateWord,
        number: u32,
        thread: Thread,
    ) -> NonNull<Attachment> {
        let collector = handle.collector.clone();
        let config = &collector.config;
        let (bits, satb) = (collector.bits.clone(), collector.satb.clone());
        let candidates = collector.candidates.clone();
        let barrier =
            Barrier::new(collector.map, collector.runs.clone(), bits, satb, candidates, config.remembered_entries);
        let marking = collector.major.phase() == Phase::Marking;
        barrier.set_marking(marking);
        let roots = RootTable::new(handle.clone(), Arc::as_ptr(&collector).cast(), collector.roots.clone());
        let state = MutatorState {
            poll: Poll::new(),
            cell_user: CellUser::new(collector.epochs.stop_number(), registry.mutators.len() == 0 && !marking, number)
                .into(),
            number,
            buffer: Buffer::new(),
            barrier,
            word: word.into(),
            token: Token::new(),
            roots,
            drops: DropList::default(),
            fresh_large: Vec::new().into(),
            stress_count: 0.into(),
            old_cells: OldCells::new(),
            sampler: Sampler::new(),
            refused_at: 0.into(),
            waited_at: 0.into(),
            thread,
            place: 0.into(),
            seen_at: Place::default(),
        };
        let local = Box::new(Attachment { state, user: Cell::new(None), users, handle, collector });
        let stress = &local.collector.config.stress;
        if stress.watches_safepoints() {
            local.poll.raise(Reason::STRESS);
        }
        // A mutator that has detached may have left requests unanswered: the new one takes them over.
        rejoin::take_over_requests(&local.collector, &local);
        if stress.every_allocation != 0 {
            local.buffer.set_every_slow();
        }
        let local = NonNull::from(Box::leak(local));
        registry.mutators.enter(Attached::new(local.cast()));
        // SAFETY: leaked just now; `detach` frees it.
        let attachment = unsafe { local.as_ref() };
        attachment.collector.share_nursery(registry);
        // SAFETY: the attachment lives until the mutator has left: `detach` calls `leave` before it frees it.
        unsafe { attachment.token.enter(local) };
        local
    }

    /// Makes this thread run the mutator, which is RUNNING, as the one that it has attached.
    fn run_as_own(&self, heap: u64) {
        role::set_role(Role::Attached);
        kept::set_own(heap, self.local.as_ptr());
        let _ = attachment::thread_ends();
        attachment::run(self.local());
    }

    #[inline(always)]
    pub(crate) fn local(&self) -> &Attachment {
        // SAFETY: made in `register`, freed in `detach`; only shared references to it exist.
        unsafe { self.local.as_ref() }
    }

    pub(crate) fn collector(&self) -> &Collector {
        &self.local().collector
    }

    /// Returns a user of the heap.
    pub(crate) fn users(&self) -> Arc<Users> {
        self.local().users()
    }

    /// Returns the identity of the heap, which no other heap has.
    #[inline(always)]
    pub(crate) fn identity(&self) -> *const () {
        Arc::as_ptr(&self.local().collector).cast()
    }

    /// Returns the identity of this mutator, by which root tables know it.
    #[inline(always)]
    pub(crate) fn owner(&self) -> Owner {
        self.local.as_ptr().cast_const().cast()
    }

    /// Returns how this mutator locks cells now.
    #[inline(always)]
    pub(crate) fn cell_user(&self) -> CellUser {
        self.local().cell_user.get()
    }

    /// Stores `value` in `slot`, through the write barrier.
    #[inline(always)]
    pub(crate) fn store(&self, slot: &PointerSlot, value: *mut u8) {
        let local = self.local();
        local.barrier.store(&local.poll, slot, value);
    }

    /// Stores `value` in `slot` and returns what was there, through the write barrier.
    #[inline]
    pub(crate) fn swap(&self, slot: &PointerSlot, value: *mut u8) -> *mut u8 {
        let local = self.local();
        local.barrier.swap(&local.poll, slot, value)
    }

    /// Stores `new` if `slot` holds `current`, through the write barrier.
    #[inline]
    pub(crate) fn compare_exchange(
        &self,
        slot: &PointerSlot,
        current: *mut u8,
        new: *mut u8,
    ) -> Result<*mut u8, *mut u8> {
        let local = self.local();
        local.barrier.compare_exchange(&local.poll, slot, current, new)
    }

    /// Runs the write barrier of a cell that is about to be written.
    #[inline(always)]
    pub(crate) fn before_cell(&self, word: &CellWord, info: &'static TypeInfo) {
        let local = self.local();
        local.barrier.cell(&local.poll, word, info);
    }

    /// Counts `bytes` that a new object holds outside the heap. Requests a collection if that makes
    /// one due.
    pub(crate) fn count_external(&self, bytes: usize) {
        let collector = self.collector();
        let much = collector.pacing.count_external(bytes);
        if collector.pacing.is_auto() && (much || policy::wants_major(collector)) {
            self.local().poll.raise(Reason::MINOR);
        }
    }

    /// Lets a collection happen, if one was requested. If none was, this costs a load, a test and a
    /// branch.
    ///
    /// Every `Gc` ends here; [`Root`](crate::Root)s live on. A program calls it often: at calls and
    /// at the ends of loops. If a collection is due, this thread leads it, or sleeps while another
    /// thread leads it. It puts a minor collection off while the heap's own thread is in the way of
    /// it, and goes on: see [`Stats::put_off`](crate::Stats::put_off). No destructor and no other
    /// code of the program runs here.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let kept = m.root(m.alloc_str("kept"));
    /// for i in 0..1000 {
    ///     m.alloc([i; 100]); // garbage at once
    ///     m.safepoint();
    /// }
    /// assert_eq!(&*kept.get(&m), "kept");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn safepoint(&mut self) {
        if self.local().poll.is_raised() {
            Self::safepoint_slow(self.local(), Location::caller());
        }
    }

    /// Returns whether [`safepoint`](Self::safepoint) has something to do. Costs a load and a test.
    ///
    /// This is for an interpreter whose inner loop borrows the mutator: the loop ends when the
    /// result is true, and its caller calls `safepoint`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().stress(Default::default()).build()?;
    /// # let mut m = heap.attach()?;
    /// let mut turns = 0;
    /// while !m.safepoint_pending() {
    ///     m.alloc([0_u64; 100]);
    ///     turns += 1;
    /// }
    /// m.safepoint();
    /// assert!(turns > 1000 && !m.safepoint_pending());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn safepoint_pending(&self) -> bool {
        self.local().poll.is_raised()
    }

    /// Takes the state, not the mutator: the address of the mutator never leaves the owner's frame,
    /// so the mutator stays in a register.
    #[cold]
    #[inline(never)]
    fn safepoint_slow(local: &Attachment, place: &'static Location<'static>) {
        local.seen_at.set(place);
        request::at_safepoint(local);
        await_drops(local);
    }

    /// Collects, now. Returns what was freed and how long the world was stopped.
    ///
    /// What there is to collect, [`Collect`] says. A collection that another thread begins after
    /// this call is shared, if it does as much: then there is no second one, and its report is
    /// returned.
    ///
    /// It runs no destructor, and waits for none: a thread of the heap drops what is dead,
    /// concurrently. So a program may hold a lock that a destructor wants.
    /// [`drain_drops`](Self::drain_drops) waits for them.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.alloc([0_u8; 1000]);
    /// let report = m.collect(gc_core::Collect::Full);
    /// assert!(report.bytes_freed >= 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "gc")]
    #[track_caller]
    pub fn collect(&mut self, what: Collect) -> CollectReport {
        self.local().seen_at.set(Location::caller());
        request::request(self.local(), what, Cause::Explicit, request::observed(self.collector()))
    }

    /// Runs `wait`, which may take long: collections go on without this thread meanwhile.
    ///
    /// A thread that waits outside of `blocked` delays every collection of its heap. If it waits
    /// for a thread that wants to collect, both wait for ever. Inside `wait`, the thread has no
    /// mutator and cannot attach to another heap. It may drop roots, and enter this heap or another
    /// ([`Heap::with`](crate::Heap::with)). Afterwards it waits for the end of a pause that is
    /// under way. If there is none, `blocked` costs two atomic operations.
    ///
    /// Entering and leaving count as safepoints: a collection that is due happens there. On entry
    /// this thread gives up after some 20 ms (40 if another one is waiting to collect already) if
    /// another one does not reach a safepoint, since that one may wait for what this thread is
    /// about to do; the other one then collects. A collection that becomes due while every thread
    /// is blocked happens without them.
    ///
    /// [`blocking`](crate::blocking) wraps locks, channels and threads this way.
    ///
    /// If `wait` panics, the panic goes on after the mutator runs again.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let (send, receive) = std::sync::mpsc::channel();
    /// let sender = std::thread::spawn(move || send.send(7));
    /// assert_eq!(m.blocked(|| receive.recv())?, 7);
    /// # sender.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn blocked<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        self.note_place();
        Self::while_blocked(self.local(), wait)
    }

    /// Notes that the caller of the caller reaches a safepoint.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn note_place(&self) {
        self.local().seen_at.set(Location::caller());
    }

    /// Runs `wait` while the mutator of `local`, which the caller has exclusively, does not run.
    #[inline(always)]
    pub(crate) fn while_blocked<R>(local: &Attachment, wait: impl FnOnce() -> R) -> R {
        /// Leaves BLOCKED when `wait` returns or panics.
        struct Leave<'a>(&'a Attachment);
        impl Drop for Leave<'_> {
            #[inline]
            fn drop(&mut self) {
                // Only code that exchanges stacks (a coroutine) can be here while the thread runs a mutator.
                if !attachment::current().is_null() {
                    out_of_turn();
                }
                request::leave_blocked(self.0);
            }
        }
        request::enter_blocked(local);
        let _leave = Leave(local);
        wait()
    }
}

/// Ends the process: a mutator leaves `blocked` while another one of its thread runs
/// ([attachment.one-runs]). A panic would unwind the stack that has resumed this one, and leave
/// both in use.
#[cold]
#[inline(never)]
fn out_of_turn() -> ! {
    eprintln!(
        "gc-core: a mutator leaves `blocked` while its thread runs another one, which code that exchanges stacks has entered: aborting"
    );
    std::process::abort();
}

impl Drop for Mutator {
    fn drop(&mut self) {
        let local = self.local();
        if kept::is_lending() || local.roots.frames.is_any_open() {
            // The alias that `with` lends ([kept.alias]), or it was taken out of a reference inside a frame ([frame.left]): it goes on running.
            // (Or the process exits inside of `with` or of a frame.)
            return;
        }
        kept::set_own(0, ptr::null());
        role::set_role(Role::Free);
        if local.handle.is_elsewhere() {
            // The child of a fork: a thread that exists in the parent only may have held a lock. The state leaks.
            attachment::stop_running();
            return;
        }
        let collector = local.collector.clone();
        // What is in hand counts towards what is due. If the process exits inside of `blocked`, the mutator does not run, and a
        // leader may be using its buffer ([mutator-state.owner]).
        if local.word.owner_runs() {
            local.charge_in_hand();
        }
        // Blocked before the registry lock, so that the leader of a pause does not wait for this thread.
        request::detach(local);
        let mut registry = collector.registry.lock();
        // SAFETY: BLOCKED just now, and in the registry. Only this mutator points to it, for it is not lent.
        let left = unsafe { detach::detach(self.local, &mut registry) };
        drop(registry);
        // Its roots may have been the last ones.
        collector.idle.note_activity(&collector.major);
        request::ask(&collector);
        // Last, and with no lock held: dropping these may end the heap.
        drop((left, collector));
    }
}

impl fmt::Debug for Mutator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutator").field("pending", &self.safepoint_pending()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Heap, Stress, collector::request};

    /// So does a process that exits inside of `blocked`, with the mutator in a thread-local: a
    /// leader may be using its buffer.
    #[test]
    fn a_mutator_that_is_dropped_inside_of_blocked_does_not_touch_its_buffer() {
        let heap = Heap::builder().stress(Stress::default()).build().unwrap();
        let mut fresh = Vec::new();
        for is_blocked in [false, true] {
            let m = heap.attach().unwrap();
            m.alloc([0_u64; 100]);
            if is_blocked {
                request::enter_blocked(m.local());
            }
            let before = heap.collector().pacing.fresh_bytes();
            drop(m);
            fresh.push(heap.collector().pacing.fresh_bytes() - before);
        }
        assert!(fresh[0] >= 800, "{fresh:?}");
        assert_eq!(fresh[1], 0);
    }
}
