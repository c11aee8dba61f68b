//! The std types that are acyclic: a table of what they hold.
//!
//! - **[acyclic-std.traced]** The table has only types that have `Trace`, the unsized contents of
//!   such types, and the hashers of maps.
//! - **[acyclic-std.no-dyn]** The table has no trait objects, not even `Box<dyn Any>` and `Box<dyn
//!   Error>`, which may hold anything. A trait object is acyclic by itself if its trait has
//!   `Acyclic` as a supertrait.

use core::{
    alloc::Layout,
    any::TypeId,
    cmp::{Ordering, Reverse},
    convert::Infallible,
    marker::PhantomData,
    mem::ManuallyDrop,
    net, num,
    num::{Saturating, Wrapping},
    ops::{Bound, ControlFlow, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    task::Poll,
    time::Duration,
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    ffi::{CStr, CString, OsStr, OsString},
    hash::{BuildHasherDefault, RandomState},
    path::{Path, PathBuf},
    sync::{Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, Weak, atomic},
    thread::ThreadId,
    time::{Instant, SystemTime},
};

use super::Leaf;
use crate::{
    counted::{Contents, Counted, CountedWeak},
    trace::acyclic::{Acyclic, LeadsNowhere},
};

/// Types that hold no handle and no pointer into the heap.
macro_rules! nothing {
    ($($(#[$attribute:meta])* $t:ty $(where [$($parameter:tt)*])?),* $(,)?) => { $(
        $(#[$attribute])*
        #[diagnostic::do_not_recommend]
        // SAFETY: a value of this type, and what it keeps alive, has no place that could hold a handle or a pointer into the heap
        // ([acyclic.no-new-handles], [acyclic.no-pointers]).
        unsafe impl $(<$($parameter)*>)? Acyclic for $t {}

        $(#[$attribute])*
        #[diagnostic::do_not_recommend]
        // SAFETY: as above ([acyclic.leads-nowhere]).
        unsafe impl $(<$($parameter)*>)? LeadsNowhere for $t {}
    )* };
}

nothing! {
    (), bool, char, f32, f64,
    u8, u16, u32, u64, u128, usize,
    i8, i16, i32, i64, i128, isize,
    num::NonZeroU8, num::NonZeroU16, num::NonZeroU32, num::NonZeroU64, num::NonZeroU128, num::NonZeroUsize,
    num::NonZeroI8, num::NonZeroI16, num::NonZeroI32, num::NonZeroI64, num::NonZeroI128, num::NonZeroIsize,
    Duration, Instant, SystemTime,
    Infallible, Layout, Ordering, RangeFull, ThreadId, TypeId,
    net::IpAddr, net::Ipv4Addr, net::Ipv6Addr, net::SocketAddr, net::SocketAddrV4, net::SocketAddrV6,
    str, OsStr, CStr, Path,
    String, OsString, CString, PathBuf,
    atomic::AtomicBool,
    atomic::AtomicU8, atomic::AtomicU16, atomic::AtomicU32, atomic::AtomicUsize,
    atomic::AtomicI8, atomic::AtomicI16, atomic::AtomicI32, atomic::AtomicIsize,
    #[cfg(target_has_atomic = "64")] atomic::AtomicU64,
    #[cfg(target_has_atomic = "64")] atomic::AtomicI64,
    Once, Condvar, Barrier,
    RandomState, BuildHasherDefault<H> where [H: 'static],
    PhantomData<T> where [T: ?Sized + 'static],
}

// These do not own what they point to: it lives on without them, or others keep it alive.
nothing! {
    &'static T where [T: ?Sized],
    Weak<T> where [T: ?Sized + 'static],
    CountedWeak<T> where [T: Contents + ?Sized],
}

// A function has no state of its own.
nothing! {
    fn() -> R where [R: 'static],
    fn(A) -> R where [A: 'static, R: 'static],
    fn(A, B) -> R where [A: 'static, B: 'static, R: 'static],
    fn(A, B, C) -> R where [A: 'static, B: 'static, C: 'static, R: 'static],
    fn(A, B, C, D) -> R where [A: 'static, B: 'static, C: 'static, D: 'static, R: 'static],
    fn(A, B, C, D, E) -> R where [A: 'static, B: 'static, C: 'static, D: 'static, E: 'static, R: 'static],
    fn(A, B, C, D, E, F) -> R where [A: 'static, B: 'static, C: 'static, D: 'static, E: 'static, F: 'static, R: 'static],
}

/// Types that hold their parts, and change them through `&mut` only.
macro_rules! parts {
    ($($name:ident<$($t:ident $(: ?$sized:ident)?),+>),* $(,)?) => { $(
        // SAFETY: the value holds only its parts, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&`
        // it lends them shared.
        unsafe impl<$($t: Acyclic $(+ ?$sized)?),+> Acyclic for $name<$($t),+> {}

        // SAFETY: the value holds only its parts, of which [acyclic.leads-nowhere] holds.
        unsafe impl<$($t: LeadsNowhere $(+ ?$sized)?),+> LeadsNowhere for $name<$($t),+> {}
    )* };
}

parts! {
    Wrapping<T>, Saturating<T>, Reverse<T>, Range<T>, RangeFrom<T>, RangeTo<T>, RangeInclusive<T>, RangeToInclusive<T>,
    Option<T>, Result<T, E>, Bound<T>, ControlFlow<B, C>, Poll<T>,
    ManuallyDrop<T: ?Sized>, Leaf<T>,
    Box<T: ?Sized>, Vec<T>, VecDeque<T>, LinkedList<T>,
    BTreeMap<K, V>, HashMap<K, V, S>, BTreeSet<T>, HashSet<T, S>, BinaryHeap<T>,
}

// SAFETY: a `Counted` keeps only its contents alive. They are acyclic, and shared except while this is the only handle
// ([acyclic.whole-first], [acyclic.only-handle], [acyclic.shared-only]).
unsafe impl<T: Contents + ?Sized> Acyclic for Counted<T> {}

// SAFETY: a `Counted` keeps only its contents alive, of which [acyclic.leads-nowhere] holds.
unsafe impl<T: Contents + LeadsNowhere + ?Sized> LeadsNowhere for Counted<T> {}

// `Arc::get_mut` and `Arc::make_mut` satisfy [acyclic.only-handle]. `Arc::new_cyclic` hands out only a weak handle
// ([acyclic.whole-first]).
parts! { Arc<T: ?Sized> }

// SAFETY: the value holds only its elements, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&` it
// lends them shared.
unsafe impl<T: Acyclic> Acyclic for [T] {}

// SAFETY: the value holds only its elements, of which [acyclic.leads-nowhere] holds.
unsafe impl<T: LeadsNowhere> LeadsNowhere for [T] {}

// SAFETY: the value holds only its elements, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&` it
// lends them shared.
unsafe impl<T: Acyclic, const N: usize> Acyclic for [T; N] {}

// SAFETY: the value holds only its elements, of which [acyclic.leads-nowhere] holds.
unsafe impl<T: LeadsNowhere, const N: usize> LeadsNowhere for [T; N] {}

// SAFETY: the value holds nothing, or the owned value, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through
// `&` it lends the owned value shared.
unsafe impl<B: ToOwned<Owned: Acyclic> + ?Sized> Acyclic for Cow<'static, B> {}

// SAFETY: the value holds nothing, or the owned value, of which [acyclic.leads-nowhere] holds.
unsafe impl<B: ToOwned<Owned: LeadsNowhere> + ?Sized> LeadsNowhere for Cow<'static, B> {}

/// Tuples of every length down to one.
macro_rules! tuples {
    ($(($($t:ident)+))+) => { $(
        // SAFETY: the value holds only its parts, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&`
        // it lends them shared.
        unsafe impl<$($t: Acyclic),+> Acyclic for ($($t,)+) {}

        // SAFETY: the value holds only its parts, of which [acyclic.leads-nowhere] holds.
        unsafe impl<$($t: LeadsNowhere),+> LeadsNowhere for ($($t,)+) {}
    )+ };
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) (A B C D E F G H I)
    (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L)
}

/// Types that hold their content and change it through `&`. So [acyclic.no-new-handles] would not
/// be enough of the content.
macro_rules! locks {
    ($($name:ident<$t:ident $(: ?$sized:ident)?>),* $(,)?) => { $(
        // SAFETY: the value holds only its content. The content is never a handle ([acyclic.leads-nowhere]) or a pointer
        // into the heap ([acyclic.no-pointers]), whatever is written there.
        unsafe impl<$t: LeadsNowhere $(+ ?$sized)?> Acyclic for $name<$t> {}

        // SAFETY: the value holds only its content, of which [acyclic.leads-nowhere] holds.
        unsafe impl<$t: LeadsNowhere $(+ ?$sized)?> LeadsNowhere for $name<$t> {}
    )* };
}

locks! { Mutex<T: ?Sized>, RwLock<T: ?Sized>, OnceLock<T> }

// SAFETY: the value first holds the function, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Then it holds the
// result of the function, which it did not hold before, and of which [acyclic.leads-nowhere] and [acyclic.no-pointers] hold.
unsafe impl<T: LeadsNowhere, F: Acyclic> Acyclic for LazyLock<T, F> {}

// SAFETY: the value holds the function or its result, and [acyclic.leads-nowhere] holds of both.
unsafe impl<T: LeadsNowhere, F: LeadsNowhere> LeadsNowhere for LazyLock<T, F> {}
