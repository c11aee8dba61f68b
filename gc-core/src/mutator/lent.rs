//! Lending a mutator to a closure: `Heap::with` and `Parked::with`.
//!
//! To enter takes one compare-and-exchange of the state word, from BLOCKED to RUNNING; to leave
//! takes one back. Nothing is counted that other threads count. Both need only what is in
//! thread-locals and in the mutator's state.
//!
//! - **[lent.closure]** Inside `blocked` of another mutator of the thread, a mutator is entered
//!   only like this: for the time of a closure. A function that handed one out there (`a.blocked(||
//!   b.attach())`, or a guard) would be unsound: the mutator would leave `blocked` as its result,
//!   or by a `catch_unwind` inside and a variable outside, and then both would run
//!   ([attachment.one-runs]). What a closure is lent ends within the closure.
//! - **[lent.restored]** The mutator is BLOCKED again when the closure has returned or panicked. A
//!   collection that is due then happens there, as in `blocked` ([request.of-heap]): a thread whose
//!   work is many short closures may reach no other safepoint.

use core::{fmt, mem::ManuallyDrop, panic::Location, ptr::NonNull};

use crate::{
    collector::{
        attachment::{self, Attachment},
        kept, request,
    },
    object::LAST_NUMBER,
};

use super::{FORKED, Mutator};

/// Why a thread could not enter a heap: [`Heap::with`](crate::Heap::with),
/// [`Parked::with`](crate::Parked::with), [`Parked::enter`](crate::Parked::enter),
/// [`Heap::scope`](crate::Heap::scope).
///
/// ```
/// use gc_core::{EnterError, Heap};
///
/// let heap = Heap::builder().build()?;
/// let m = heap.attach()?;
/// assert_eq!(heap.with(|_| ()), Err(EnterError::Running));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnterError {
    /// The thread runs a mutator: of this heap or another, attached, lent or leaked.
    Running,
    /// The thread is inside `blocked` or `with`. Returned by
    /// [`Parked::enter`](crate::Parked::enter) only: the mutator would leave the closure.
    Inside,
    /// The thread is a heap's own: one that runs destructors or the event hook.
    CollectorThread,
    /// As many mutators are attached as a heap can distinguish, 2²¹ − 1: nearly all of them were
    /// leaked.
    TooMany,
    /// This is the child of a `fork` during which the heap could not be stopped: see
    /// [`Heap`](crate::Heap#fork).
    Forked,
}

impl std::error::Error for EnterError {}

impl fmt::Display for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str(
                "expected a thread that runs no mutator, found one that does: pass on that mutator if it is of the same heap, \
                 else enter inside its blocked(), or park it (a leaked mutator runs for ever)",
            ),
            Self::Inside => f.write_str(
                "expected a thread that is not inside blocked() or with(), found one that is, from where a mutator cannot be \
                 taken: use Parked::with",
            ),
            Self::CollectorThread => f.write_str(
                "expected a thread of the program, found a collector's (a destructor or event hook runs there): hand the \
                 work to another thread",
            ),
            Self::Forked => f.write_str(FORKED),
            Self::TooMany => write!(
                f,
                "expected at most {LAST_NUMBER} mutators on the heap, found as many attached: drop some (a leaked one \
                 stays attached for ever)"
            ),
        }
    }
}

/// A mutator that is lent: RUNNING until this is dropped.
pub(crate) struct Lent {
    /// An alias: [kept.alias].
    mutator: ManuallyDrop<Mutator>,
}

impl Lent {
    /// Enters a mutator of this thread, unless the thread runs one. `place` is where that is asked
    /// for.
    ///
    /// # Safety
    ///
    /// The mutator is of this thread, and is not freed before the result is dropped. If no mutator
    /// of this thread runs, it is BLOCKED.
    #[inline(always)]
    pub(crate) unsafe fn enter(
        local: NonNull<Attachment>,
        place: &'static Location<'static>,
    ) -> Result<Self, EnterError> {
        if !attachment::current().is_null() {
            return Err(EnterError::Running);
        }
        let mutator = ManuallyDrop::new(Mutator { local, thread: core::marker::PhantomData });
        let local = mutator.local();
        local.seen_at.set(place);
        request::leave_blocked(local);
        kept::lend();
        Ok(Self { mutator })
    }

    #[inline(always)]
    pub(crate) fn mutator(&mut self) -> &mut Mutator {
        &mut self.mutator
    }
}

impl Drop for Lent {
    /// Makes the mutator BLOCKED ([lent.restored]).
    #[inline(always)]
    fn drop(&mut self) {
        let local = self.mutator.local();
        kept::give_back();
        attachment::stop_running();
        if !local.collector.rendezvous.try_block(local.member()) {
            block_slow(local);
        }
    }
}

#[cold]
#[inline(never)]
fn block_slow(local: &Attachment) {
    // In the child of a fork, a thread that exists in the parent only may hold the locks, and no thread waits for this one.
    if !local.handle.is_elsewhere() {
        request::enter_blocked(local);
    }
}
