//! Shapes of types that the derive has not met: what compiles is traced in every generation.

#![allow(dead_code, reason = "that it compiles is half of the test")]
#![allow(nonstandard_style, reason = "names are what is tested")]

use std::{
    collections::HashMap as StdHashMap,
    fmt::Debug,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use gc_core::{
    Collect, Gc, GcCell, Leaf, Object, Slot, Trace,
    collections::{BTreeMap, HashMap},
};
use gc_tests::{Tested, heaps::checked};

/// Types that refer to each other, and to themselves as `Self`, by every kind of pointer.
#[derive(Trace)]
struct Even<'gc, T> {
    value: T,
    own: Option<Gc<'gc, Self>>,
    odd: Slot<'gc, Odd<'gc, T>>,
    boxed: Option<Box<Odd<'gc, Vec<T>>>>,
}

#[derive(Trace)]
enum Odd<'gc, T> {
    None,
    Even { even: Gc<'gc, Even<'gc, T>>, own: Option<Box<Self>> },
    Both(Vec<Gc<'gc, Self>>, HashMap<u8, Option<Box<Odd<'gc, T>>>>),
}

/// Raw identifiers, and names of the derive's and the prelude's.
#[derive(Trace)]
struct r#struct<'r#gc, r#type: Clone, const r#const: usize> {
    r#fn: [Option<Gc<'r#gc, r#type>>; r#const],
    r#ref: r#type,
    this: u8,
    visitor: u8,
    __gc_this: u8,
    __gc_here_0: u8,
    At: u8,
}

/// A type and constants that have the names of what the derive writes.
mod shadowed {
    pub struct Option;
    pub struct Self_;
    pub trait Send {}
    pub trait Sync {}
    pub trait Visitor {}
    pub struct bool;
    pub const PROOFS: u8 = 0;
    pub const trace: u8 = 0;

    #[derive(gc_core::Trace)]
    pub enum Trace<'gc> {
        At(gc_core::Gc<'gc, u64>),
        Static { field: gc_core::Slot<'gc, Trace<'gc>> },
        trace(#[trace(skip)] u8),
    }
}

trait Lend {
    type Lent<'a>
    where
        Self: 'a;
    fn lend<'a>(&'a self) -> Self::Lent<'a>;
}

impl Lend for u32 {
    type Lent<'a> = &'a u32;
    fn lend(&self) -> &u32 {
        self
    }
}

/// Bounds with binders, elided lifetimes, bounds of associated types, and several of one parameter in several places.
#[derive(Trace)]
struct Bounds<'gc, T, F = u32>
where
    T: for<'a> PartialEq<&'a u8> + Iterator<Item: Debug> + Clone,
    for<'a> T: PartialOrd<&'a u8>,
    for<'a> &'a F: Debug,
    F: Lend,
    Vec<T>: Clone,
    [T; 2]: Clone,
{
    value: T,
    more: Vec<T>,
    next: Option<Gc<'gc, u8>>,
    lends: F,
}

/// What may stand for `T` there.
#[derive(Trace, Clone)]
struct Counts(u8);

impl PartialEq<&u8> for Counts {
    fn eq(&self, other: &&u8) -> bool {
        self.0 == **other
    }
}

impl PartialOrd<&u8> for Counts {
    fn partial_cmp(&self, other: &&u8) -> Option<std::cmp::Ordering> {
        self.0.partial_cmp(*other)
    }
}

impl Iterator for Counts {
    type Item = u8;
    fn next(&mut self) -> Option<u8> {
        self.0 = self.0.checked_sub(1)?;
        Some(self.0)
    }
}

/// Associated types of associated types, in containers, beside a parameter that occurs in them only.
trait Kind {
    type Payload;
    type Other: Kind;
}

#[derive(Trace)]
struct Payloads<'gc, K: Kind> {
    first: Vec<<K as Kind>::Payload>,
    map: BTreeMap<u8, Option<<K as Kind>::Payload>>,
    kind: PhantomData<K>,
    next: Slot<'gc, Payloads<'gc, K>>,
}

#[derive(Trace)]
struct Pointers<'gc>(PhantomData<Gc<'gc, u8>>);

impl<'gc> Kind for Pointers<'gc> {
    type Payload = Gc<'gc, u64>;
    type Other = Self;
}

/// A macro in the place of each type, and a parameter of the macro's.
macro_rules! pointer {
    ($gc:lifetime, $of:ty) => { Option<Gc<$gc, $of>> };
}

macro_rules! tree {
    ($name:ident, $leaf:ty, $($field:ident),*) => {
        #[derive(Trace)]
        struct $name<'gc> {
            leaf: $leaf,
            $($field: pointer!('gc, $name<'gc>),)*
        }
    };
}

tree!(Tree, u64, left, right);

/// Fields that are there or not, by configuration.
#[derive(Trace)]
struct Configured<'gc> {
    #[cfg(any())]
    never: std::cell::Cell<u8>,
    #[cfg(unix)]
    always: Gc<'gc, u64>,
    #[cfg_attr(all(), trace(skip))]
    skipped: std::process::ExitCode,
    #[cfg_attr(any(), trace(skip))]
    traced: Gc<'gc, u64>,
}

/// A wrapper that derefs to what it is not, which no proof may go through.
#[derive(Trace)]
struct Misleading<'gc> {
    seen: Box<u64>,
    hidden: Gc<'gc, u64>,
}

impl Deref for Misleading<'_> {
    type Target = Box<u64>;
    fn deref(&self) -> &Box<u64> {
        &self.seen
    }
}

impl DerefMut for Misleading<'_> {
    fn deref_mut(&mut self) -> &mut Box<u64> {
        &mut self.seen
    }
}

#[derive(Trace)]
struct Misled<'gc>(Misleading<'gc>, GcCell<Misleading<'gc>>);

/// Aligned, transparent, C, empty, uninhabited, with discriminants.
#[derive(Trace)]
#[repr(C, align(64))]
struct Aligned<'gc>(u8, Gc<'gc, u64>);

#[derive(Trace)]
#[repr(transparent)]
struct Transparent<'gc, T: ?Sized + Object>(Gc<'gc, T>, PhantomData<fn() -> u8>, ());

#[derive(Trace)]
#[repr(u8)]
enum Discriminants<'gc> {
    One(Gc<'gc, u64>) = 7,
    Two { aligned: Aligned<'gc> } = 3,
    Three = 200,
}

#[derive(Trace)]
enum Never<'gc> {
    #[allow(dead_code, reason = "that it compiles is the test")]
    Not(std::convert::Infallible, Gc<'gc, u64>),
    Always(Gc<'gc, u64>),
}

#[derive(Trace)]
enum Uninhabited {}

/// Constants in generics, and expressions of them.
#[derive(Trace)]
struct Matrix<'gc, T, const ROWS: usize, const COLUMNS: usize = 2>([[Option<Gc<'gc, T>>; COLUMNS]; ROWS], [u8; 3 + 4]);

/// Leaves in generic code: wrapped, skipped, in maps of std and ours.
#[derive(Trace)]
#[trace(leaf(K))]
struct Leaves<'gc, K: std::hash::Hash + Eq, V> {
    ours: HashMap<K, V>,
    std: StdHashMap<K, Leaf<std::process::ExitCode>>,
    leaf: Leaf<K>,
    next: Option<Gc<'gc, V>>,
}

#[test]
fn every_shape_is_followed() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let even = m.root({
        let last = m.alloc(Even { value: m.alloc(1_u64), own: None, odd: Slot::null(), boxed: None });
        let odd =
            m.alloc(Odd::Even { even: last, own: Some(Box::new(Odd::Both(vec![m.alloc(Odd::None)], HashMap::new()))) });
        last.odd.set(&m, Some(odd));
        let boxed = Odd::Both(vec![m.alloc(Odd::None)], HashMap::from([(1, Some(Box::new(Odd::None)))]));
        m.alloc(Even { value: m.alloc(2), own: Some(last), odd: Slot::new(Some(odd)), boxed: Some(Box::new(boxed)) })
    });
    let raw = m.root(m.alloc(r#struct {
        r#fn: [Some(m.alloc(m.alloc(3_u64))), None],
        r#ref: m.alloc(4_u64),
        this: 0,
        visitor: 0,
        __gc_this: 0,
        __gc_here_0: 0,
        At: 0,
    }));
    let shadowed = m.root({
        let at = m.alloc(shadowed::Trace::At(m.alloc(5)));
        m.alloc(shadowed::Trace::Static { field: Slot::new(Some(at)) })
    });
    let bounds =
        m.root(m.alloc(Bounds { value: Counts(3), more: vec![Counts(2)], next: Some(m.alloc(6)), lends: 7_u32 }));
    let payloads = m.root({
        let last = m.alloc(Payloads::<Pointers> {
            first: vec![],
            map: BTreeMap::new(),
            kind: PhantomData,
            next: Slot::null(),
        });
        let map = BTreeMap::from([(1, Some(m.alloc(9)))]);
        m.alloc(Payloads { first: vec![m.alloc(8)], map, kind: PhantomData, next: Slot::new(Some(last)) })
    });
    let configured = m.root(m.alloc(Configured {
        always: m.alloc(10),
        skipped: std::process::ExitCode::SUCCESS,
        traced: m.alloc(11),
    }));
    let misled = m.root({
        let misleading = |n| Misleading { seen: Box::new(0), hidden: m.alloc(n) };
        m.alloc(Misled(misleading(12), GcCell::new(misleading(13))))
    });
    let aligned = m.root(m.alloc([
        Discriminants::One(m.alloc(14)),
        Discriminants::Two { aligned: Aligned(0, m.alloc(15)) },
        Discriminants::Three,
    ]));
    let transparent = m.root(m.alloc((
        Transparent(m.alloc_str("16"), PhantomData, ()),
        Never::Always(m.alloc(17)),
        None::<Uninhabited>,
    )));
    let matrix = m.root(m.alloc(Matrix::<_, 2>([[Some(m.alloc(18)), None], [None, Some(m.alloc(19))]], [0; 7])));
    let leaves = m.root(m.alloc(Leaves {
        ours: HashMap::from([("key", m.alloc(20_u64))]),
        std: StdHashMap::new(),
        leaf: Leaf("leaf"),
        next: Some(m.alloc(m.alloc(21))),
    }));
    for generation in [Collect::Young, Collect::Young, Collect::Full, Collect::Promote] {
        m.collect(generation);
        let even = even.get(&m);
        assert_eq!((*even.value, even.own.map(|own| *own.value)), (2, Some(1)));
        let Some(Odd::Even { even: last, own: Some(own) }) = even.odd.get().map(Gc::as_ref) else {
            panic!("an odd one")
        };
        assert!(Gc::ptr_eq(*last, even.own.ok_or("it is there")?));
        assert!(matches!(&**own, Odd::Both(both, _) if matches!(*both[0], Odd::None)));
        assert!(matches!(even.boxed.as_deref(), Some(Odd::Both(both, map)) if both.len() == 1 && map.len() == 1));
        assert_eq!((raw.get(&m).r#fn[0].map(|value| **value), *raw.get(&m).r#ref), (Some(3), 4));
        let shadowed::Trace::Static { field } = Gc::as_ref(shadowed.get(&m)) else { panic!("the other variant") };
        assert!(matches!(field.get().map(Gc::as_ref), Some(shadowed::Trace::At(value)) if **value == 5));
        let bounds = bounds.get(&m);
        assert_eq!(
            (bounds.value.0, bounds.more[0].0, bounds.next.as_deref(), *bounds.lends.lend()),
            (3, 2, Some(&6), 7)
        );
        let payloads = payloads.get(&m);
        assert_eq!(
            (*payloads.first[0], payloads.map[&1].as_deref(), payloads.next.get().is_some()),
            (8, Some(&9), true)
        );
        assert_eq!((*configured.get(&m).always, *configured.get(&m).traced), (10, 11));
        let misled = misled.get(&m);
        assert_eq!((*misled.0.hidden, *misled.1.borrow(&m).hidden), (12, 13));
        let [Discriminants::One(one), Discriminants::Two { aligned }, Discriminants::Three] =
            Gc::as_ref(aligned.get(&m))
        else {
            panic!("three variants")
        };
        assert_eq!((**one, *aligned.1, std::ptr::from_ref(aligned).addr() % 64), (14, 15, 0));
        let transparent = transparent.get(&m);
        assert!(matches!((&*transparent.0.0, &transparent.1), ("16", Never::Always(value)) if **value == 17));
        assert_eq!(matrix.get(&m).0.iter().flatten().flatten().map(|value| **value).sum::<i32>(), 37);
        let leaves = leaves.get(&m);
        assert_eq!((*leaves.ours["key"], *leaves.leaf, leaves.next.map(|value| **value)), (20, "leaf", Some(21)));
    }
    Ok(())
}
