//! Types that cannot be part of a cycle of counted references: the [`Acyclic`] contract.

use crate::counted::{Contents, Counted, CountedWeak};

/// A type whose values cannot be part of a cycle of counted references.
///
/// # Safety
///
/// A value never holds a pointer into a collected heap, nor, while it is shared, comes to hold a `Counted` it did not hold before.
pub unsafe trait Acyclic: 'static {}

macro_rules! acyclic {
    ($($t:ty),* $(,)?) => { $(
        // SAFETY: holds nothing.
        unsafe impl Acyclic for $t {}
    )* };
}

acyclic! {
    (), bool, char, f32, f64, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize,
    String, str, std::sync::atomic::AtomicUsize, std::sync::atomic::AtomicU64,
}

// SAFETY: its parts are acyclic.
unsafe impl<T: Acyclic> Acyclic for Vec<T> {}
// SAFETY: as above.
unsafe impl<T: Acyclic> Acyclic for Option<T> {}
// SAFETY: as above.
unsafe impl<A: Acyclic, B: Acyclic> Acyclic for (A, B) {}
// SAFETY: as above.
unsafe impl<A: Acyclic, B: Acyclic, C: Acyclic> Acyclic for (A, B, C) {}
// SAFETY: as above.
unsafe impl<T: Acyclic + ?Sized> Acyclic for Box<T> {}
// SAFETY: as above.
unsafe impl<T: Acyclic + ?Sized> Acyclic for std::sync::Arc<T> {}
// SAFETY: as above.
unsafe impl<T: Acyclic, const N: usize> Acyclic for [T; N] {}
// SAFETY: as above.
unsafe impl<T: Acyclic> Acyclic for [T] {}
// SAFETY: what it refers to is acyclic.
unsafe impl<T: Contents + ?Sized> Acyclic for Counted<T> {}
// SAFETY: what it refers to is not held by it.
unsafe impl<T: Contents + ?Sized> Acyclic for CountedWeak<T> {}
