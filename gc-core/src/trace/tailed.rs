//! Types whose objects may have bytes behind the value.
//!
//! - **[trace.tail]** A value says how many bytes there are behind it, and always the same. It says
//!   so by what nobody writes, and of which no pointer is a part: so a value is asked while others
//!   read it, while it moves, and when it is dead.

use super::Trace;

/// A type whose objects may have a tail ([layout.tail]). They are allocated by
/// `Mutator::alloc_tailed`; objects of the type that are allocated otherwise have none.
///
/// # Safety
///
/// The values keep [trace.tail]: as many bytes as `tail` says are behind the value in its object.
pub(crate) unsafe trait Tailed: Trace {
    /// Returns how many bytes there are behind the value.
    fn tail(&self) -> usize;
}
