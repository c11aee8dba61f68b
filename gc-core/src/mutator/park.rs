//! `Parked`: a mutator that its thread has put aside.
//!
//! A parked mutator is BLOCKED. Unlike one in `blocked` it is on no stack, so its thread may attach
//! to another heap or enter one: this is the sound form of two heaps on a thread, and what a
//! runtime's hooks need that park and wake its threads.
//!
//! - **[park.not-lent]** Only a mutator that its thread has attached can be parked, not an alias
//!   that is lent ([kept.alias]). And a parked mutator is not found by `Heap::with`, so the owner
//!   of the `Parked` decides when it ends.
//! - **[park.drop]** A parked mutator may be dropped while another one of its thread runs. The
//!   leader of a pause, which has the registry lock, waits for that one if it is of the same heap.
//!   If it is of another heap, the leader may wait for a thread that waits for the other heap's
//!   leader in the same way, and that one for this thread. So the drop waits without limit only if
//!   no mutator runs on this thread. Otherwise, where it does not get the lock, it leaves the
//!   mutator attached and BLOCKED, as a kept one: until its thread drops another parked one, or
//!   exits, or the last user of the heap goes ([kept-end.once]).

use core::{fmt, marker::PhantomData, panic::Location, ptr, ptr::NonNull, time::Duration};

use crate::{
    collector::{
        attachment::{self, Attachment},
        detach, kept, request,
        users::Users,
    },
    sync::Arc,
    workers::role::{self, Role},
};

use super::{EnterError, Lent, Mutator};

/// A mutator that its thread has put aside by [`Mutator::park`]: collections go on without it.
///
/// It stays on its thread (`!Send + !Sync`), which may attach to other heaps, or enter them,
/// meanwhile. It keeps its heap alive. Dropping it detaches it.
///
/// For runtimes that call hooks when a thread of theirs runs out of work and when it wakes up: park
/// the mutator in the one, and [`enter`](Self::enter) it in the other. And for two heaps on one
/// thread, in turns:
///
/// ```
/// use gc_core::Heap;
///
/// let (one, other) = (Heap::builder().build()?, Heap::builder().build()?);
/// let mut one = one.attach()?.park();
/// let mut other = other.attach()?.park();
/// let mut sum = 0;
/// for n in 0..10_u64 {
///     let turn = if n % 2 == 0 { &mut one } else { &mut other };
///     sum += turn.with(|m| *m.alloc(n))?;
/// }
/// assert_eq!(sum, 45);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a parked mutator is detached when it is dropped"]
pub struct Parked {
    local: NonNull<Attachment>,
    /// Never `Send` or `Sync`.
    thread: PhantomData<*mut ()>,
}

/// A parked mutator that could not be entered, and why: see [`Parked::enter`].
///
/// ```
/// # let (heap, other) = (gc_core::Heap::builder().build()?, gc_core::Heap::builder().build()?);
/// let parked = heap.attach()?.park();
/// let m = other.attach()?;
/// let refused = parked.enter().unwrap_err();
/// assert_eq!(refused.error, gc_core::EnterError::Running);
/// drop(m);
/// let m = refused.parked.enter()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
pub struct NotEntered {
    /// The mutator, parked as before.
    pub parked: Parked,
    /// Why it was not entered.
    pub error: EnterError,
}

/// Its message has that of [`error`](Self::error), which is no
/// [`source`](std::error::Error::source) beside it.
impl std::error::Error for NotEntered {}

impl fmt::Display for NotEntered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a parked mutator was not entered: {}", self.error)
    }
}

impl fmt::Debug for NotEntered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotEntered").field("error", &self.error).finish_non_exhaustive()
    }
}

impl Mutator {
    /// Puts the mutator aside: collections go on without this thread, which may attach to another
    /// heap meanwhile.
    ///
    /// Every `Gc` ends here. This counts as a safepoint, as entering [`blocked`](Self::blocked)
    /// does. If no collection is due, it costs an atomic operation.
    ///
    /// # Panics
    ///
    /// If the mutator is one that [`Heap::with`](crate::Heap::with) or [`Parked::with`] lends. (To
    /// have such a one by value takes a crate that moves values out of references.)
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let m = heap.attach()?;
    /// let root = m.root(m.alloc(1));
    /// let parked = m.park();
    /// heap.attach()?.collect(gc_core::Collect::Full); // another mutator, which does not wait for the parked one
    /// let m = parked.enter()?;
    /// assert_eq!(*root.get(&m), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn park(self) -> Parked {
        assert!(!kept::is_lending(), "park: expected a mutator that this thread has attached, found one that is lent");
        let local = self.local();
        assert!(
            !local.roots.frames.is_any_open(),
            "park: expected a mutator outside of its frames, found one inside of a frame's closure"
        );
        local.seen_at.set(Location::caller());
        request::enter_blocked(local);
        kept::set_own(0, ptr::null());
        role::set_role(Role::Free);
        let local = self.local;
        core::mem::forget(self);
        Parked { local, thread: PhantomData }
    }
}

impl Parked {
    /// Returns a mutator of this thread as a parked one, which is a user of its heap.
    ///
    /// # Safety
    ///
    /// The mutator is attached, BLOCKED, of this thread, and nothing else refers to it.
    pub(super) unsafe fn of(local: NonNull<Attachment>, users: &Arc<Users>) -> Self {
        let parked = Self { local, thread: PhantomData };
        parked.local().user.set(Some(users.clone()));
        parked
    }

    fn local(&self) -> &Attachment {
        // SAFETY: it is freed when this is dropped.
        unsafe { self.local.as_ref() }
    }

    /// Makes this thread run the mutator again. Waits for the end of a pause that is under way.
    ///
    /// # Errors
    ///
    /// Returns the parked mutator with the reason: another mutator runs on this thread, or the
    /// thread is inside [`Mutator::blocked`] or [`Heap::with`](crate::Heap::with), out of which a
    /// mutator must not be handed. There use [`with`](Self::with).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let mut parked = heap.attach()?.park();
    /// for round in 0..3 {
    ///     let mut m = parked.enter()?;
    ///     m.alloc(round);
    ///     parked = m.park();
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn enter(self) -> Result<Mutator, NotEntered> {
        if !attachment::current().is_null() {
            return Err(NotEntered { parked: self, error: EnterError::Running });
        }
        if !kept::has_none() {
            return Err(NotEntered { parked: self, error: EnterError::Inside });
        }
        let local = self.local();
        local.seen_at.set(Location::caller());
        let heap = local.users().heap;
        let mutator = Mutator { local: self.local, thread: PhantomData };
        core::mem::forget(self);
        request::leave_blocked(mutator.local());
        mutator.run_as_own(heap);
        Ok(mutator)
    }

    /// Lends the mutator to a closure, also inside [`Mutator::blocked`] of another one. Costs what
    /// [`Heap::with`](crate::Heap::with) costs.
    ///
    /// # Errors
    ///
    /// If a mutator runs on this thread: [`EnterError::Running`]. Then `body` is not called.
    ///
    /// ```
    /// # let (heap, other) = (gc_core::Heap::builder().build()?, gc_core::Heap::builder().build()?);
    /// let mut parked = heap.attach()?.park();
    /// let mut m = other.attach()?;
    /// assert!(parked.with(|_| ()).is_err());
    /// assert_eq!(m.blocked(|| parked.with(|m| *m.alloc(6) * 7)), Ok(42));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn with<R>(&mut self, body: impl FnOnce(&mut Mutator) -> R) -> Result<R, EnterError> {
        // SAFETY: a mutator of this thread, which `self` frees and is borrowed for. It is parked, and so BLOCKED.
        let mut lent = unsafe { Lent::enter(self.local, Location::caller()) }?;
        Ok(body(lent.mutator()))
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        let local = self.local();
        let current = attachment::current();
        // The process exits inside of `with` or of a frame, or this is the child of a fork, where a thread that does not exist may hold the
        // lock: the state leaks.
        if ptr::eq(current, local) || local.roots.frames.is_any_open() || local.handle.is_elsewhere() {
            return;
        }
        kept::detach_left();
        let collector = local.collector.clone();
        // SAFETY: not null, so it is the mutator that this thread runs, which exists.
        let runs_here = !current.is_null() && Arc::ptr_eq(&unsafe { &*current }.collector, &collector);
        // [park.drop]
        let lock = || match (current.is_null(), runs_here) {
            (true, _) => Some(collector.registry.lock()),
            (false, true) => collector.registry.try_lock(),
            (false, false) => collector.registry.try_lock_for(TIMEOUT),
        };
        let Some(mut registry) = lock() else {
            kept::leave(self.local, &collector);
            // If this is the last user, no mutator of the heap runs, and the thread that has the lock waits for none. It may free the state.
            drop(local.user.take());
            return;
        };
        local.charge_in_hand();
        // SAFETY: BLOCKED, in the registry, and of this thread. Nothing else points to it.
        let left = unsafe { detach::detach(self.local, &mut registry) };
        drop(registry);
        collector.idle.note_activity(&collector.major);
        request::ask(&collector);
        // Last, and with no lock held: dropping these may end the heap.
        drop((left, collector));
    }
}

/// How long a thread that runs a mutator of another heap waits for the lock: it delays that heap's
/// collections.
const TIMEOUT: Duration = Duration::from_millis(20);

impl fmt::Debug for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parked").finish_non_exhaustive()
    }
}
