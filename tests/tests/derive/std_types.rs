//! What std types trace: containers keep their pointers through collections, leaves are what they are.

use std::{
    any::TypeId,
    borrow::Cow,
    cmp::{Ordering, Reverse},
    collections::{self, BTreeSet, BinaryHeap, HashSet, LinkedList, VecDeque},
    convert::Infallible,
    ffi::{CStr, CString, OsStr, OsString},
    marker::PhantomData,
    mem::ManuallyDrop,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::{NonZeroI128, NonZeroU8, NonZeroUsize, Saturating, Wrapping},
    ops::{Bound, ControlFlow, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    path::{Path, PathBuf},
    sync::{
        Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, Weak,
        atomic::{AtomicBool, AtomicU8, AtomicUsize},
    },
    task::Poll,
    thread::ThreadId,
    time::{Duration, Instant, SystemTime},
};

use crate::survives::survives;
use gc_core::{
    Gc, GcCell, Leaf, Mutator, Slot, Trace,
    collections::{BTreeMap, HashMap},
};

/// A pointer as it is written in the type arguments of [`survives`].
type Int = Gc<'static, u64>;

fn ints<'gc>(m: &'gc Mutator) -> impl Iterator<Item = Gc<'gc, u64>> {
    (0..100).map(|i| m.alloc(i))
}

fn count_up<'v, 'gc: 'v>(values: impl IntoIterator<Item = &'v Gc<'gc, u64>>) {
    let values: Vec<u64> = values.into_iter().map(|value| **value).collect();
    assert_eq!(values, Vec::from_iter(0..100));
}

#[test]
fn sequences_keep_their_pointers() {
    survives::<Vec<Int>>(|m| ints(m).collect(), |v, _| count_up(v));
    survives::<LinkedList<Int>>(|m| ints(m).collect(), |v, _| count_up(v));
    survives::<Box<[Int]>>(|m| ints(m).collect(), |v, _| count_up(v));
    survives::<VecDeque<Int>>(
        |m| {
            // In two parts: the second half at the front of the buffer.
            let mut queue: VecDeque<_> = VecDeque::with_capacity(128);
            let ints: Vec<_> = ints(m).collect();
            queue.extend(&ints[50..]);
            ints[..50].iter().rev().for_each(|int| queue.push_front(*int));
            assert!(!queue.as_slices().0.is_empty() && !queue.as_slices().1.is_empty());
            queue
        },
        |v, _| count_up(v),
    );
}

#[test]
fn maps_keep_their_pointers() {
    survives::<BTreeMap<u64, Int>>(|m| (0..100).zip(ints(m)).collect(), |v, _| count_up(v.values()));
    survives::<HashMap<String, Int>>(
        |m| ints(m).map(|int| (int.to_string(), int)).collect(),
        |v, _| {
            assert_eq!(v.len(), 100);
            v.iter().for_each(|(key, int)| assert_eq!(*key, int.to_string()));
        },
    );
}

#[test]
fn boxes_and_what_nests_keep_their_pointers() {
    survives::<Box<Int>>(|m| Box::new(m.alloc(7)), |v, _| assert_eq!(***v, 7));
    survives::<Vec<Box<Option<VecDeque<Int>>>>>(
        |m| vec![Box::new(None), Box::new(Some(ints(m).collect()))],
        |v, _| count_up(v[1].as_ref().as_ref().expect("the queue")),
    );
    survives::<Vec<HashMap<u8, Vec<(Int, String)>>>>(
        |m| vec![HashMap::from([(1, vec![(m.alloc(1), String::from("one"))])])],
        |v, _| assert_eq!((*v[0][&1][0].0, &*v[0][&1][0].1), (1, "one")),
    );
    survives::<GcCell<Vec<Int>>>(|m| GcCell::new(ints(m).collect()), |v, m| count_up(&*v.borrow(m)));
}

#[test]
fn values_in_place_keep_their_pointers() {
    survives::<Option<Int>>(|m| Some(m.alloc(1)), |v, _| assert_eq!(v.map(|int| *int), Some(1)));
    survives::<Option<Int>>(|_| None, |v, _| assert!(v.is_none()));
    survives::<Result<Int, Gc<'static, str>>>(|m| Ok(m.alloc(1)), |v, _| assert!(v.is_ok_and(|int| *int == 1)));
    survives::<Result<Int, Gc<'static, str>>>(
        |m| Err(m.alloc_str("no")),
        |v, _| assert!(v.is_err_and(|text| &*text == "no")),
    );
    survives::<Bound<Int>>(
        |m| Bound::Excluded(m.alloc(1)),
        |v, _| assert!(matches!(v, Bound::Excluded(int) if **int == 1)),
    );
    survives::<ControlFlow<Int, u8>>(
        |m| ControlFlow::Break(m.alloc(1)),
        |v, _| assert!(matches!(v, ControlFlow::Break(int) if **int == 1)),
    );
    survives::<Poll<Int>>(|m| Poll::Ready(m.alloc(1)), |v, _| assert!(matches!(v, Poll::Ready(int) if **int == 1)));
    survives::<[Int; 3]>(|m| [1, 2, 3].map(|i| m.alloc(i)), |v, _| assert_eq!(v.map(|int| *int), [1, 2, 3]));
    survives::<Reverse<Int>>(|m| Reverse(m.alloc(1)), |v, _| assert_eq!(*v.0, 1));
    survives::<Wrapping<Int>>(|m| Wrapping(m.alloc(1)), |v, _| assert_eq!(*v.0, 1));
    survives::<Saturating<Int>>(|m| Saturating(m.alloc(1)), |v, _| assert_eq!(*v.0, 1));
    survives::<ManuallyDrop<Int>>(|m| ManuallyDrop::new(m.alloc(1)), |v, _| assert_eq!(***v, 1));
    survives::<PhantomData<Gc<'static, str>>>(|_| PhantomData, |_, _| ());
    survives::<PhantomData<str>>(|_| PhantomData, |_, _| ());
}

#[test]
fn ranges_keep_their_pointers() {
    survives::<Range<Int>>(|m| m.alloc(1)..m.alloc(2), |v, _| assert_eq!((*v.start, *v.end), (1, 2)));
    survives::<RangeInclusive<Int>>(|m| m.alloc(1)..=m.alloc(2), |v, _| assert_eq!((**v.start(), **v.end()), (1, 2)));
    survives::<RangeFrom<Int>>(|m| m.alloc(1).., |v, _| assert_eq!(*v.start, 1));
    survives::<RangeTo<Int>>(|m| ..m.alloc(2), |v, _| assert_eq!(*v.end, 2));
    survives::<RangeToInclusive<Int>>(|m| ..=m.alloc(2), |v, _| assert_eq!(*v.end, 2));
}

#[test]
fn tuples_keep_their_pointers() {
    type I = Int;
    survives::<(I,)>(|m| (m.alloc(1),), |v, _| assert_eq!(*v.0, 1));
    survives::<(u8, I)>(|m| (0, m.alloc(1)), |v, _| assert_eq!(*v.1, 1));
    survives::<(I, I, I, I, I, I, I, I, I, I, I, I)>(
        |m| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| m.alloc(i));
            let [e, f, g, h] = [4, 5, 6, 7].map(|i| m.alloc(i));
            let [i, j, k, l] = [8, 9, 10, 11].map(|i| m.alloc(i));
            (a, b, c, d, e, f, g, h, i, j, k, l)
        },
        |&(a, b, c, d, e, f, g, h, i, j, k, l), _| {
            let ints = [a, b, c, d, e, f, g, h, i, j, k, l].map(|int| *int);
            assert_eq!(ints, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        },
    );
}

#[test]
fn slots_in_place_keep_their_pointers() {
    survives::<[Slot<'static, u64>; 2]>(
        |m| [Slot::null(), Slot::new(Some(m.alloc(1)))],
        |v, _| assert!(v[0].get().is_none() && v[1].get().is_some_and(|int| *int == 1)),
    );
    survives::<Option<(u8, Slot<'static, u64>)>>(
        |m| Some((1, Slot::new(Some(m.alloc(1))))),
        |v, _| assert!(v.as_ref().is_some_and(|v| v.1.get().is_some_and(|int| *int == 1))),
    );
    survives::<RangeInclusive<Slot<'static, u64>>>(
        |m| Slot::null()..=Slot::new(Some(m.alloc(1))),
        |v, _| assert!(v.end().get().is_some_and(|int| *int == 1)),
    );
}

/// What is said of the types is what is so: cells are seen through values in place, not through memory.
#[test]
fn constants_say_what_types_hold() {
    type S = Slot<'static, u64>;
    const {
        assert!(S::HAS_CELL && S::HAS_GC);
        assert!(<Option<S>>::HAS_CELL && <Result<u8, S>>::HAS_CELL && <[S; 2]>::HAS_CELL && <(u8, S)>::HAS_CELL);
        assert!(<Reverse<S>>::HAS_CELL && <RangeInclusive<S>>::HAS_CELL && <ManuallyDrop<S>>::HAS_CELL);
        assert!(!<Option<Int>>::HAS_CELL && <Option<Int>>::HAS_GC);
        assert!(!<Vec<Int>>::HAS_CELL && <Vec<Int>>::HAS_GC);
        assert!(!<HashMap<u8, Int>>::HAS_CELL && <HashMap<u8, Int>>::HAS_GC);
        // A marker holds nothing, but is another type under another lifetime.
        assert!(!<PhantomData<S>>::HAS_CELL && <PhantomData<S>>::HAS_GC);
    }
    fn without_pointers<T: Trace<Static = T> + 'static>() {
        assert!(!T::HAS_GC && !T::HAS_CELL, "{}", std::any::type_name::<T>());
    }
    without_pointers::<Vec<Option<(u8, [String; 2])>>>();
    without_pointers::<HashMap<String, Box<[Range<u8>]>>>();
    without_pointers::<LinkedList<BTreeMap<u8, VecDeque<Box<u8>>>>>();
    without_pointers::<collections::HashMap<String, Box<[Range<u8>]>>>();
    without_pointers::<LinkedList<collections::BTreeMap<u8, VecDeque<Box<u8>>>>>();
}

/// Leaves: traced, without pointers, the same under every lifetime.
#[test]
fn leaves_are_what_they_are() {
    fn leaf<T: Trace<Static = T> + for<'a> Trace<At<'a> = T> + 'static>() {
        assert!(!T::HAS_GC && !T::HAS_CELL, "{}", std::any::type_name::<T>());
    }
    leaf::<()>();
    leaf::<(bool, char, f32, f64)>();
    leaf::<(u8, u16, u32, u64, u128, usize)>();
    leaf::<(i8, i16, i32, i64, i128, isize)>();
    leaf::<(NonZeroU8, NonZeroI128, NonZeroUsize)>();
    leaf::<(Duration, Instant, SystemTime, ThreadId, TypeId, Ordering, Infallible, std::alloc::Layout, RangeFull)>();
    leaf::<(IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr)>();
    leaf::<(String, OsString, CString, PathBuf)>();
    leaf::<(Box<str>, Box<OsStr>, Box<CStr>, Box<Path>)>();
    leaf::<(&'static str, &'static [u8], &'static u8, Cow<'static, str>, Cow<'static, [u8]>)>();
    leaf::<(Arc<str>, Arc<Mutex<std::cell::Cell<u8>>>, Weak<u8>, Arc<dyn Fn() + Send + Sync>)>();
    leaf::<(Mutex<u8>, RwLock<String>, OnceLock<u8>, LazyLock<u8>, Once, Condvar, Barrier)>();
    leaf::<(AtomicBool, AtomicU8, AtomicUsize)>();
    leaf::<(BTreeSet<String>, HashSet<u8>, BinaryHeap<u8>)>();
    leaf::<(fn() -> u8, fn(u8), fn(u8, String) -> u8, fn(u8, u8, u8, u8, u8, u8) -> u8)>();
    leaf::<(Box<dyn std::any::Any + Send + Sync>, Box<dyn std::error::Error + Send + Sync>)>();
    leaf::<Leaf<std::process::ExitStatus>>();
}

/// What a leaf owns is freed with its object, and once.
#[test]
fn leaves_are_dropped() {
    let owned = Arc::new(());
    let heap = gc_core::Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let root = m.root(m.alloc((Leaf(Arc::clone(&owned)), vec![Arc::clone(&owned)])));
    m.collect(gc_core::Collect::Full);
    assert_eq!(Arc::strong_count(&owned), 3);
    drop(root);
    drop(m);
    drop(heap);
    assert_eq!(Arc::strong_count(&owned), 1);
}

#[test]
fn leaf_passes_through() {
    let mut leaf = Leaf::from(String::from("b"));
    leaf.push('c');
    assert_eq!((leaf.len(), leaf.to_string(), format!("{leaf:?}")), (2, "bc".into(), "Leaf(\"bc\")".into()));
    assert!(Leaf(1) < Leaf(2) && Leaf(1) == Leaf(1) && Leaf::<u8>::default() == Leaf(0));
    assert!(HashSet::from([Leaf(1)]).contains(&Leaf(1)));
}
