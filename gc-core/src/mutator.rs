//! `Mutator`: one thread's attachment to one heap. Attaching, safepoints, blocking and collecting; `allocate` is beside it.
//!
//! One word that points to the mutator's state (`collector::local`), which the leader of a collection reads while the owner
//! sits in `safepoint(&mut self)`: nothing of it is reached by an exclusive reference.
//!
//! - **U1** While a `Mutator` is not borrowed exclusively, no object of its heap moves or is freed: whatever can lead to a stop takes `&mut
//!   Mutator` or consumes it.
//! - **U2** A thread has at most one `Mutator`, and it stays on its thread.

mod allocate;

use core::{fmt, marker::PhantomData, panic::Location, ptr::NonNull, time::Duration};
use std::time::Instant;

pub use allocate::AllocError;

use crate::{
    barrier::Barrier,
    collector::{
        self, Cause, CollectReport, Generation,
        full::Phase,
        handle::Handle,
        local::{self, DropList, Local, Place, Role},
        pending::Pending,
        roots::RootTable,
        shared::{Attached, Registry, Shared},
    },
    counted::Token,
    memory::{CellUser, CellWord, Edge, LAST_NUMBER, TypeInfo},
    safepoint::{Poll, Reason, StateWord, Stopped},
    sync::{Arc, atomic::Ordering},
    young::Buffer,
};

/// A thread's attachment to a heap: it allocates, reads and writes objects, and lets collections happen at its safepoints.
///
/// It stays on its thread (`!Send + !Sync`). Dropping it detaches the thread. A mutator that is leaked (`mem::forget`)
/// counts as attached and running for ever: the next collection, a second thread's `attach`, and whoever needs a collection to end
/// (also to leave `blocked`, or to detach) wait for ever, and a warning says so each second. Nothing dangles.
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
pub struct Mutator {
    local: NonNull<Local>,
    /// Never `Send` or `Sync`.
    thread: PhantomData<*mut ()>,
}

/// Why a thread could not attach.
///
/// ```
/// use gc_core::{AttachError, Heap};
///
/// let heap = Heap::builder().build()?;
/// let m = heap.attach()?;
/// assert_eq!(heap.attach().unwrap_err(), AttachError::AlreadyAttached);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The thread has a mutator: of this heap or another, perhaps blocked, perhaps leaked.
    AlreadyAttached,
    /// The thread is the background thread of a heap.
    CollectorThread,
    /// The heap's threads did not reach a safepoint in time: from [`Heap::attach_timeout`](crate::Heap::attach_timeout)
    /// only.
    TimedOut {
        /// The threads that were waited for; empty if a stop that somebody else leads took too long.
        threads: Vec<String>,
    },
    /// As many mutators are attached as a heap can tell apart, 2²¹ − 1: nearly all of them were leaked.
    TooMany,
}

impl std::error::Error for AttachError {}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyAttached => f.write_str(
                "expected a thread that is not attached, found one that has a mutator: drop that one first (a blocked or \
                 leaked mutator counts)",
            ),
            Self::CollectorThread => f.write_str(
                "expected a thread of the program, found a collector's (a destructor or event hook runs there): hand the \
                 work to another thread",
            ),
            Self::TimedOut { threads } => write!(
                f,
                "expected every thread of the heap to reach a safepoint in time, found that {} did not: let it call \
                 safepoint(), or wrap what it waits for in blocked()",
                if threads.is_empty() { "some other".to_owned() } else { threads.join(", ") }
            ),
            Self::TooMany => write!(
                f,
                "expected at most {LAST_NUMBER} mutators on the heap, found as many attached: drop some (a leaked one \
                 stays attached for ever)"
            ),
        }
    }
}

/// How long an attaching thread waits before it names those it waits for.
const PATIENCE: Duration = Duration::from_secs(1);

impl Mutator {
    /// Attaches this thread; gives up after `patience`, if that is given.
    pub(crate) fn attach(handle: &Arc<Handle>, patience: Option<Duration>) -> Result<Self, AttachError> {
        match local::role() {
            Role::Free => {}
            Role::Attached => return Err(AttachError::AlreadyAttached),
            Role::Collector => return Err(AttachError::CollectorThread),
        }
        let (start, thread) = (Instant::now(), this_thread());
        let shared = handle.shared.clone();
        let mut registry = match patience {
            None => shared.registry.lock(),
            Some(patience) => match shared.registry.try_lock_for(patience) {
                Some(registry) => registry,
                None => return Err(AttachError::TimedOut { threads: Vec::new() }),
            },
        };
        // With a second mutator, cells need atomic operations: the first one has to be at a safepoint to learn that. What guards were
        // forgotten before the first one counts no more, which the marker has to learn too.
        let stops = registry.mutators.len() <= 1;
        let others = if stops { registry.mutators.clone() } else { Vec::new() };
        let Some(number) = registry.numbers.take() else { return Err(AttachError::TooMany) };
        let mut late = Vec::new();
        let next = || match patience {
            None => Some(PATIENCE),
            Some(patience) => Some(patience.checked_sub(start.elapsed())?.min(PATIENCE)),
        };
        let late_ones = |waited| {
            if waited >= PATIENCE {
                shared.tell_who_is_late(&others, waited);
            }
            late = others.iter().filter(|o| o.local().word.is_late()).map(|o| o.thread.clone()).collect();
            next()
        };
        let stopped = if stops {
            shared.world.stop(shared.members(&others), next().unwrap_or_default(), late_ones)
        } else {
            Stopped::All { last: None }
        };
        if stopped == Stopped::CalledOff {
            registry.numbers.give_back(number);
            return Err(AttachError::TimedOut { threads: late });
        }
        let mut pending = Pending::default();
        registry.forget_tables(&mut pending);
        shared.background.expect_drops(&mut pending, &shared.memory.budget);
        let mutator = Self::register(handle, &mut registry, number, thread);
        if stops {
            shared.count_stop(&registry.mutators);
            registry.numbers.stopped();
            shared.world.resume(shared.members(&others));
        }
        drop(registry);
        shared.background.post_drops(pending);
        local::set_role(Role::Attached);
        local::run(mutator.local());
        Ok(mutator)
    }

    /// Makes the state of a mutator and enters it. The caller leads.
    fn register(handle: &Arc<Handle>, registry: &mut Registry, number: u32, thread: String) -> Self {
        let shared = handle.shared.clone();
        let config = &shared.config;
        let (bits, snapshots) = (shared.bits.clone(), shared.snapshots.clone());
        let barrier = Barrier::new(shared.map, shared.runs.clone(), bits, snapshots, config.remembered_entries);
        let marking = shared.full.phase() == Phase::Marking;
        barrier.set_marking(marking);
        let roots = Arc::new(RootTable::new(handle.clone(), Arc::as_ptr(&shared).cast()));
        registry.tables.push(roots.clone());
        let local = Box::new(Local {
            poll: Poll::new(),
            cell_user: CellUser::new(shared.pace.stop(), registry.mutators.is_empty() && !marking, number).into(),
            number,
            buffer: Buffer::new(),
            barrier,
            word: StateWord::running(number),
            token: Token::new(),
            roots,
            drops: DropList::default(),
            fresh_large: Vec::new().into(),
            stress_count: 0.into(),
            refused_at: 0.into(),
            seen_at: Place::default(),
            handle: handle.clone(),
            shared,
        });
        let stress = &local.shared.config.stress;
        if stress.watches_safepoints() {
            local.poll.raise(Reason::STRESS);
        }
        // What a mutator that has detached was asked for.
        if local.shared.pace.wants_young() {
            local.poll.raise(Reason::YOUNG);
        }
        if local.shared.pace.remembers_much() {
            local.poll.raise(Reason::REMEMBERED);
        }
        if stress.every_allocation != 0 {
            local.buffer.set_every_slow();
        }
        let local = NonNull::from(Box::leak(local));
        registry.mutators.push(Attached::new(local, thread));
        let pace = &handle.shared.pace;
        pace.share_nursery(registry.mutators.len(), &handle.shared.config);
        let mutator = Self { local, thread: PhantomData };
        let Local { word, poll, token, shared, .. } = mutator.local();
        // SAFETY: the state lives until the mutator has left, and keeps the heap's.
        unsafe { token.enter(word, poll, &shared.world) };
        mutator
    }

    #[inline(always)]
    pub(crate) fn local(&self) -> &Local {
        // SAFETY: made in `attach`, freed in `drop`; only shared references to it exist.
        unsafe { self.local.as_ref() }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.local().shared
    }

    pub(crate) fn handle(&self) -> Arc<Handle> {
        let handle = self.local().handle.clone();
        handle.downcast().unwrap_or_else(|_| unreachable!("gc-core: a mutator's handle is a heap's"))
    }

    /// What tells this heap from others.
    #[inline(always)]
    pub(crate) fn identity(&self) -> *const () {
        Arc::as_ptr(&self.local().shared).cast()
    }

    /// How cells are locked by this mutator now.
    #[inline(always)]
    pub(crate) fn cell_user(&self) -> CellUser {
        self.local().cell_user.get()
    }

    /// A barriered store.
    #[inline(always)]
    pub(crate) fn store(&self, slot: &Edge, value: *mut u8) {
        let local = self.local();
        local.barrier.store(&local.poll, slot, value);
    }

    /// A barriered swap.
    #[inline]
    pub(crate) fn swap(&self, slot: &Edge, value: *mut u8) -> *mut u8 {
        let local = self.local();
        local.barrier.swap(&local.poll, slot, value)
    }

    /// A barriered compare-and-exchange.
    #[inline]
    pub(crate) fn compare_exchange(&self, slot: &Edge, current: *mut u8, new: *mut u8) -> Result<*mut u8, *mut u8> {
        let local = self.local();
        local.barrier.compare_exchange(&local.poll, slot, current, new)
    }

    /// The barrier of a cell that is about to be written.
    #[inline(always)]
    pub(crate) fn before_cell(&self, word: &CellWord, info: &'static TypeInfo) {
        let local = self.local();
        local.barrier.cell(&local.poll, word, info);
    }

    /// A fresh object holds so much elsewhere: asks for a collection if that makes one due.
    pub(crate) fn count_external(&self, bytes: usize) {
        let shared = self.shared();
        let much = shared.pace.count_external(bytes);
        if shared.pace.is_auto() && (much || shared.wants_full()) {
            self.local().poll.raise(Reason::YOUNG);
        }
    }

    /// Lets a collection happen, if one was asked for. A load, a test and a branch if not.
    ///
    /// Every `Gc` ends here; [`Root`](crate::Root)s go on. A program calls it often: at calls and at the ends of loops.
    /// If a collection is due, this thread leads it, or sleeps until the one that another thread leads is over. No
    /// destructor and no other code of the program runs here.
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

    /// Whether [`safepoint`](Self::safepoint) has something to do: for interpreters, whose inner loop borrows the mutator and
    /// leaves when this says so. A load and a test.
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
    pub fn safepoint_pending(&self) -> bool {
        self.local().poll.is_raised()
    }

    /// Takes the state, not the mutator: whose address never leaves its owner's frame, so that it stays in a register.
    #[cold]
    #[inline(never)]
    fn safepoint_slow(local: &Local, place: &'static Location<'static>) {
        local.seen_at.set(place);
        collector::at_safepoint(local);
    }

    /// Collects a generation and all younger ones, now, and returns what was freed and how long the world was stopped.
    ///
    /// Generations 0 and 1 are always collected together: see [`Generation`]. If another thread has begun a collection
    /// after this call that does as much, there is no second one, and its report is returned.
    ///
    /// Afterwards, outside of the pause, what waits to be dropped is dropped on a thread that is started for it, with a large stack, and this
    /// one waits for that as in [`blocked`](Self::blocked). What the heap's thread is dropping at this moment is not waited for.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.alloc([0_u8; 1000]);
    /// let report = m.collect(gc_core::Generation::Old);
    /// assert!(report.bytes_freed >= 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn collect(&mut self, generation: Generation) -> CollectReport {
        self.local().seen_at.set(Location::caller());
        let report = collector::request(self.local(), generation, Cause::Explicit, self.shared().seen());
        let shared = self.local().shared.clone();
        self.blocked(|| shared.help());
        report
    }

    /// Runs `wait`, which may take long: collections go on without this thread meanwhile.
    ///
    /// A thread that waits elsewhere holds every collection of its heap up; if it waits for a thread that wants to
    /// collect, both wait for ever. Inside, the thread has no mutator and cannot attach to another heap; roots may be
    /// dropped. Afterwards it waits for the end of a collection that is under way. Two atomic operations where there is
    /// none. [`blocking`](crate::blocking) has this for locks, channels and threads.
    ///
    /// A panic of `wait` goes on after the mutator has come back.
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
        /// Leaves the state when `wait` returns or panics.
        struct Leave<'a>(&'a Local);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.shared.world.leave_blocked(&self.0.word);
                local::run(self.0);
            }
        }
        let local = self.local();
        local.seen_at.set(Location::caller());
        local::stop_running();
        if local.shared.world.enter_blocked(&local.word) {
            local.merge_counted();
        }
        let _leave = Leave(local);
        wait()
    }
}

impl Drop for Mutator {
    fn drop(&mut self) {
        let local = self.local();
        local::stop_running();
        if self.handle().is_elsewhere() {
            // The child of a fork: a lock may be held by a thread that is not here. The state leaks.
            local::set_role(Role::Free);
            return;
        }
        let shared = local.shared.clone();
        // Before the registry lock: whoever leads does not wait for this thread.
        shared.world.enter_blocked(&local.word);
        // What it was asked for, too. Before the state goes: others find the word by the token.
        shared.background.post_counted(local.token.leave());
        let mut registry = shared.registry.lock();
        registry.mutators.retain(|attached| !attached.is(self.local));
        registry.numbers.give_back(local.number);
        shared.pace.share_nursery(registry.mutators.len(), &shared.config);
        let mut young = shared.young.lock();
        young.take_over(local);
        if young.remembered.compact(shared.config.remembered_entries) {
            // Relaxed: the next mutator to attach reads it behind the registry's lock.
            shared.pace.much_remembered.store(true, Ordering::Relaxed);
        }
        drop(young);
        let rootless = local.roots.orphan();
        shared.unlink_roots(&registry);
        drop(registry);
        local::set_role(Role::Free);
        // SAFETY: leaked in `register`, and this is the one mutator that points to it; the registry has forgotten it.
        drop(unsafe { Box::from_raw(self.local.as_ptr()) });
        // Last, and with no lock held: these may end the heap.
        drop((rootless, shared));
    }
}

fn this_thread() -> String {
    let thread = std::thread::current();
    match thread.name() {
        Some(name) => format!("thread `{name}` ({:?})", thread.id()),
        None => format!("an unnamed thread ({:?})", thread.id()),
    }
}

impl fmt::Debug for Mutator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutator").field("pending", &self.safepoint_pending()).finish_non_exhaustive()
    }
}
