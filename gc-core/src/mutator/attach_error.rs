//! Why a thread could not attach.

use core::fmt;

use super::LAST_NUMBER;

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
    /// The thread has a mutator: of this heap or another, perhaps blocked, leaked, or lent by
    /// [`Heap::with`](crate::Heap::with). A [`Parked`](crate::Parked) mutator does not count.
    AlreadyAttached,
    /// The thread is a heap's own: one that runs destructors or the event hook.
    CollectorThread,
    /// The heap's threads did not reach a safepoint in time: returned by
    /// [`Heap::attach_timeout`](crate::Heap::attach_timeout) only.
    TimedOut {
        /// The threads that did not reach a safepoint; empty if a pause that another thread leads,
        /// or the concurrent marker, took too long.
        threads: Vec<String>,
    },
    /// As many mutators are attached as a heap can distinguish, 2²¹ − 1: nearly all of them were
    /// leaked.
    TooMany,
    /// This is the child of a `fork` during which the heap could not be stopped: see
    /// [`Heap`](crate::Heap#fork).
    Forked,
}

impl std::error::Error for AttachError {}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyAttached => f.write_str(
                "expected a thread that is not attached, found one that has a mutator: drop or park that one first (a \
                 blocked, lent or leaked mutator counts)",
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
            Self::Forked => f.write_str(FORKED),
            Self::TooMany => write!(
                f,
                "expected at most {LAST_NUMBER} mutators on the heap, found as many attached: drop some (a leaked one \
                 stays attached for ever)"
            ),
        }
    }
}

/// What is wrong with a heap of which `Collector::is_elsewhere` says so.
pub(crate) const FORKED: &str = "expected a heap that was stopped when this process was forked, found one of which a thread did not reach a \
                          safepoint in time, or one of whose own threads forked: let its threads call safepoint(), or wrap what they \
                          wait for in blocked()";
