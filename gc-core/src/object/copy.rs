//! Copying an object: the cost of every survivor.

/// Words that may be padding.
type Words<const N: usize> = core::mem::MaybeUninit<[u64; N]>;

/// Copies a multiple of 8 bytes, small sizes without a call.
///
/// # Safety
///
/// Both ranges are valid, aligned to 8, and do not overlap.
#[inline(always)]
pub(crate) unsafe fn copy_object(from: *const u8, to: *mut u8, bytes: usize) {
    macro_rules! words {
        ($n:literal) => {
            // SAFETY: the caller's: both ranges are valid, aligned to 8, and do not overlap.
            unsafe { to.cast::<Words<$n>>().write(from.cast::<Words<$n>>().read()) }
        };
    }
    match bytes {
        8 => words!(1),
        16 => words!(2),
        24 => words!(3),
        32 => words!(4),
        40 => words!(5),
        48 => words!(6),
        56 => words!(7),
        64 => words!(8),
        // SAFETY: as above.
        _ => unsafe { core::ptr::copy_nonoverlapping(from, to, bytes) },
    }
}
