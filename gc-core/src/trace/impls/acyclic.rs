//! Which std types are acyclic: a table of what they hold.
//!
//! - **[acyclic-std.traced]** Only types that have `Trace`, the unsized contents of such, and the hashers of maps.
//! - **[acyclic-std.no-dyn]** No trait objects, `Box<dyn Any>` and `Box<dyn Error>` included: anything may be in there. Of a trait with
//!   `Acyclic` as its supertrait they are acyclic by themselves.

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
        // SAFETY: there is no place in a value of this type, nor in what it keeps alive, that a handle or a pointer into the
        // heap could be in ([acyclic.no-new-handles], [acyclic.no-pointers]).
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

// What these point to is not theirs: it lives on without them, or is kept alive by others.
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
        // SAFETY: all that the value holds are its parts, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&` it lends them shared.
        unsafe impl<$($t: Acyclic $(+ ?$sized)?),+> Acyclic for $name<$($t),+> {}

        // SAFETY: all that the value holds are its parts, of which [acyclic.leads-nowhere] holds.
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

// SAFETY: all that it keeps alive are the contents, which are acyclic, and shared as long as it is not the only handle
// ([acyclic.whole-first], [acyclic.only-handle], [acyclic.shared-only]).
unsafe impl<T: Contents + ?Sized> Acyclic for Counted<T> {}

// SAFETY: all that it keeps alive are the contents, of which [acyclic.leads-nowhere] holds.
unsafe impl<T: Contents + LeadsNowhere + ?Sized> LeadsNowhere for Counted<T> {}

// `Arc::get_mut` and `Arc::make_mut` are as [acyclic.only-handle] says; `Arc::new_cyclic` hands out a weak handle ([acyclic.whole-first]).
parts! { Arc<T: ?Sized> }

// SAFETY: all that the value holds are its elements, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&` it lends them shared.
unsafe impl<T: Acyclic> Acyclic for [T] {}

// SAFETY: all that the value holds are its elements, of which [acyclic.leads-nowhere] holds.
unsafe impl<T: LeadsNowhere> LeadsNowhere for [T] {}

// SAFETY: all that the value holds are its elements, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&` it lends them shared.
unsafe impl<T: Acyclic, const N: usize> Acyclic for [T; N] {}

// SAFETY: all that the value holds are its elements, of which [acyclic.leads-nowhere] holds.
unsafe impl<T: LeadsNowhere, const N: usize> LeadsNowhere for [T; N] {}

// SAFETY: it holds nothing, or the owned value, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&` it lends that shared.
unsafe impl<B: ToOwned<Owned: Acyclic> + ?Sized> Acyclic for Cow<'static, B> {}

// SAFETY: it holds nothing, or the owned value, of which [acyclic.leads-nowhere] holds.
unsafe impl<B: ToOwned<Owned: LeadsNowhere> + ?Sized> LeadsNowhere for Cow<'static, B> {}

/// Tuples of every length down to one.
macro_rules! tuples {
    ($(($($t:ident)+))+) => { $(
        // SAFETY: all that the value holds are its parts, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&` it lends them shared.
        unsafe impl<$($t: Acyclic),+> Acyclic for ($($t,)+) {}

        // SAFETY: all that the value holds are its parts, of which [acyclic.leads-nowhere] holds.
        unsafe impl<$($t: LeadsNowhere),+> LeadsNowhere for ($($t,)+) {}
    )+ };
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) (A B C D E F G H I)
    (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L)
}

/// Types that hold their content, and change it through `&`: [acyclic.no-new-handles] would not be enough for what is in there.
macro_rules! locks {
    ($($name:ident<$t:ident $(: ?$sized:ident)?>),* $(,)?) => { $(
        // SAFETY: all that the value holds is its content, which is no handle whatever is written there ([acyclic.leads-nowhere]), and no
        // pointer into the heap ([acyclic.no-pointers]).
        unsafe impl<$t: LeadsNowhere $(+ ?$sized)?> Acyclic for $name<$t> {}

        // SAFETY: all that the value holds is its content, of which [acyclic.leads-nowhere] holds.
        unsafe impl<$t: LeadsNowhere $(+ ?$sized)?> LeadsNowhere for $name<$t> {}
    )* };
}

locks! { Mutex<T: ?Sized>, RwLock<T: ?Sized>, OnceLock<T> }

// SAFETY: it holds the function, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold, and then what the function returned, which it did not hold before:
// of that, [acyclic.leads-nowhere] and [acyclic.no-pointers] hold.
unsafe impl<T: LeadsNowhere, F: Acyclic> Acyclic for LazyLock<T, F> {}

// SAFETY: it holds the function or what that returned, of both of which [acyclic.leads-nowhere] holds.
unsafe impl<T: LeadsNowhere, F: LeadsNowhere> LeadsNowhere for LazyLock<T, F> {}
