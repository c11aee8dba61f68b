//! What dead memory is filled with, in builds with debug assertions, so that a read of it says where it read.

/// From-space after a young collection.
pub(crate) const FROM_SPACE: u8 = 0xDB;
/// A cell of the old part, or a large run, that was swept.
pub(crate) const SWEPT: u8 = 0xD5;

/// Fills dead memory.
///
/// # Safety
///
/// The bytes are committed, writable and nobody's.
#[inline]
pub(crate) unsafe fn fill(start: *mut u8, bytes: usize, pattern: u8) {
    if cfg!(debug_assertions) {
        // SAFETY: the caller's.
        unsafe { start.write_bytes(pattern, bytes) }
    }
}
