//! Why a cell cannot be borrowed.

use core::{fmt, time::Duration};

use crate::object::CellConflict;

/// How long an access waits for a cell before it panics.
pub(super) const LONG: Duration = Duration::from_secs(10);

/// How a cell is accessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    Read,
    Write,
}

/// Why [`GcCell::try_borrow`](super::GcCell::try_borrow) or
/// [`try_borrow_mut`](super::GcCell::try_borrow_mut) returned no guard.
///
/// ```
/// # use gc_core::GcCell;
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let cell = m.alloc(GcCell::new(7_u64));
/// let guard = cell.borrow_mut(&m);
/// let error = cell.try_borrow(&m).unwrap_err();
/// assert!(error.to_string().starts_with("GcCell<u64>: expected to read it"));
/// # drop(guard);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BorrowError {
    type_name: &'static str,
    wanted: Access,
    conflict: CellConflict,
}

impl BorrowError {
    pub(super) fn new<T>(wanted: Access, conflict: CellConflict) -> Self {
        Self { type_name: core::any::type_name::<T>(), wanted, conflict }
    }
}

impl std::error::Error for BorrowError {}

impl fmt::Display for BorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = match self.wanted {
            Access::Read => "read",
            Access::Write => "write",
        };
        write!(f, "GcCell<{}>: expected to {wanted} it, but ", self.type_name)?;
        match self.conflict {
            CellConflict::OwnWriter => f.write_str("a write guard of this thread is alive: end it first"),
            CellConflict::Readers => write!(
                f,
                "read guards are alive (a borrow waits {} s for those of other mutators): end those of this thread first",
                LONG.as_secs()
            ),
            CellConflict::Writer(number) => write!(
                f,
                "mutator number {number} of the heap has a write guard (a borrow waits {} s for it)",
                LONG.as_secs()
            ),
            CellConflict::WriterWaits => f.write_str("a writer waits"),
            CellConflict::TooManyReaders => f.write_str("2^21 read guards were forgotten since the last safepoint"),
        }
    }
}

impl fmt::Debug for BorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BorrowError({self})")
    }
}
