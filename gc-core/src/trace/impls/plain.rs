//! Leaves: types without pointers into the heap.
//!
//! This file is only a list: the proof is in the macro ([leaf.itself]).

use core::{alloc::Layout, any::TypeId, cmp::Ordering, convert::Infallible, net, num, ops::RangeFull, time::Duration};
use std::{
    any::Any,
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet},
    error::Error,
    ffi::{CStr, CString, OsStr, OsString},
    path::{Path, PathBuf},
    sync::{self, Arc, atomic},
    thread::ThreadId,
    time::{Instant, SystemTime},
};

use super::{
    __private::{IsLeaf, LeafInStdMap},
    leaves,
};
use crate::{
    counted::{Contents, Counted, CountedWeak},
    trace::{Trace, Visitor},
};

leaves! {
    (), bool, char, f32, f64,
    u8, u16, u32, u64, u128, usize,
    i8, i16, i32, i64, i128, isize,
    num::NonZeroU8, num::NonZeroU16, num::NonZeroU32, num::NonZeroU64, num::NonZeroU128, num::NonZeroUsize,
    num::NonZeroI8, num::NonZeroI16, num::NonZeroI32, num::NonZeroI64, num::NonZeroI128, num::NonZeroIsize,
    Duration, Instant, SystemTime,
    Infallible, Layout, Ordering, RangeFull, ThreadId, TypeId,
    net::IpAddr, net::Ipv4Addr, net::Ipv6Addr, net::SocketAddr, net::SocketAddrV4, net::SocketAddrV6,
}

// Text and paths.
leaves! {
    String => |text| text.capacity(),
    OsString => |text| text.capacity(),
    CString => |text| text.as_bytes_with_nul().len(),
    PathBuf => |path| path.capacity(),
    Box<str> => |text| text.len(),
    Box<OsStr> => |text| text.len(),
    Box<CStr> => |text| text.to_bytes_with_nul().len(),
    Box<Path> => |path| path.as_os_str().len(),
    Cow<'static, B> where [B: ?Sized + ToOwned],
    &'static T where [T: ?Sized],
}

// Types that are shared between threads, by locks, atomics or counts. The content does not matter: if the whole is `Send + Sync`,
// it contains no pointer into the heap.
leaves! {
    atomic::AtomicBool,
    atomic::AtomicU8, atomic::AtomicU16, atomic::AtomicU32, atomic::AtomicUsize,
    atomic::AtomicI8, atomic::AtomicI16, atomic::AtomicI32, atomic::AtomicIsize,
    #[cfg(target_has_atomic = "64")] atomic::AtomicU64,
    #[cfg(target_has_atomic = "64")] atomic::AtomicI64,
    // Two counts beside the value.
    Arc<T> where [T: ?Sized]; |arc| (Arc::as_ptr(arc).addr(), size_of_val::<T>(arc) + 2 * size_of::<usize>()),
    sync::Weak<T> where [T: ?Sized],
    // Two counts and the owner.
    Counted<T> where [T: Contents + ?Sized]; |counted| (Counted::as_ptr(counted).addr(), size_of_val::<T>(counted) + 16),
    CountedWeak<T> where [T: Contents + ?Sized],
    sync::LazyLock<T, F> where [T, F],
    sync::Once, sync::Condvar, sync::Barrier,
    Box<dyn Any + Send + Sync>,
    Box<dyn Error + Send + Sync>,
}

// Keys are never traced. User code hashes and compares them, which must not run in a pause, and so a pointer that has moved could
// not be updated in them. The elements of a `BinaryHeap` cannot even be reached for writing.
leaves! {
    // Nodes are at least half full, two thirds as a rule.
    BTreeSet<T> where [T] => |set| set.len() * size_of::<T>() * 3 / 2,
    // An entry and a byte of the table for each place, of which one in eight is never used.
    HashSet<T, S> where [T, S] => |set| set.capacity() * 8 / 7 * (size_of::<T>() + 1),
    BinaryHeap<T> where [T] => |heap| heap.capacity() * size_of::<T>(),
}

// SAFETY: keys, values and hasher are leaves, and so is the map. `collections` has the maps whose values are not leaves.
unsafe impl<K: IsLeaf, V: LeafInStdMap, S: IsLeaf> Trace for HashMap<K, V, S> {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = false;

    #[inline(always)]
    unsafe fn trace<Vis: Visitor>(this: *mut Self, visitor: &mut Vis) {
        // SAFETY: the caller guarantees that a valid map is there, which no thread writes meanwhile. As for `HashSet`.
        visitor.owns(|| unsafe { &*this }.capacity() * 8 / 7 * (size_of::<(K, V)>() + 1));
    }
}

// SAFETY: as above.
unsafe impl<K: IsLeaf, V: LeafInStdMap> Trace for BTreeMap<K, V> {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = false;

    #[inline(always)]
    unsafe fn trace<Vis: Visitor>(this: *mut Self, visitor: &mut Vis) {
        // SAFETY: the caller guarantees that a valid map is there, which no thread writes meanwhile. As for `BTreeSet`.
        visitor.owns(|| unsafe { &*this }.len() * size_of::<(K, V)>() * 3 / 2);
    }
}

// A function pointer is `'static` if its arguments and its result are. One that is generic over a lifetime is not one of these
// types, but it is a leaf too: mark the field `#[trace(skip)]`.
leaves! {
    fn() -> R where [R],
    fn(A) -> R where [A, R],
    fn(A, B) -> R where [A, B, R],
    fn(A, B, C) -> R where [A, B, C, R],
    fn(A, B, C, D) -> R where [A, B, C, D, R],
    fn(A, B, C, D, E) -> R where [A, B, C, D, E, R],
    fn(A, B, C, D, E, F) -> R where [A, B, C, D, E, F, R],
}
