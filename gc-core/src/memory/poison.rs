//! The patterns that fill dead memory in builds with debug assertions. A read of dead memory shows
//! by its pattern which kind it read. In builds for AddressSanitizer (`.ci/asan`) the sanitizer
//! also reports any use of an empty block.

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

#[cfg(gc_asan)]
unsafe extern "C" {
    fn __asan_poison_memory_region(start: *const u8, bytes: usize);
    fn __asan_unpoison_memory_region(start: *const u8, bytes: usize);
}

/// Makes AddressSanitizer report every use of a range that holds no objects.
#[inline(always)]
pub(crate) fn forbid(start: *const u8, bytes: usize) {
    #[cfg(gc_asan)]
    // SAFETY: the sanitizer changes its own memory only.
    unsafe {
        __asan_poison_memory_region(start, bytes);
    }
    let _ = (start, bytes);
}

/// Makes AddressSanitizer report uses of a range no more: objects are put there, or the range is
/// given up.
#[inline(always)]
pub(crate) fn allow(start: *const u8, bytes: usize) {
    #[cfg(gc_asan)]
    // SAFETY: the sanitizer changes its own memory only.
    unsafe {
        __asan_unpoison_memory_region(start, bytes);
    }
    let _ = (start, bytes);
}
