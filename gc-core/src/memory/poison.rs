//! The patterns that fill dead memory in builds with debug assertions. A read of dead memory shows by its pattern which kind it
//! read.

/// From-space after a minor collection.
pub(crate) const FROM_SPACE: u8 = 0xDB;
/// A swept cell of the old part, or a swept large run.
pub(crate) const SWEPT: u8 = 0xD5;
/// A block of the old part from which the objects were moved.
pub(crate) const EVACUATED: u8 = 0xDE;

/// Fills dead memory with a pattern.
///
/// # Safety
///
/// The bytes are committed and writable, and nobody uses them.
#[inline]
pub(crate) unsafe fn fill(start: *mut u8, bytes: usize, pattern: u8) {
    if cfg!(debug_assertions) {
        // SAFETY: the caller's: committed, writable and unused.
        unsafe { start.write_bytes(pattern, bytes) }
    }
}
