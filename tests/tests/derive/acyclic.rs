//! What `#[trace(acyclic)]` proves and what std types are acyclic, under lints that forbid what the derive writes.

#![deny(warnings, missing_docs, clippy::all, clippy::undocumented_unsafe_blocks)]

use std::{
    any::TypeId,
    borrow::Cow,
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    convert::Infallible,
    ffi::{CStr, CString, OsStr, OsString},
    fmt::Debug,
    hash::{BuildHasherDefault, DefaultHasher},
    marker::PhantomData,
    mem::ManuallyDrop,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::{NonZeroI128, NonZeroU8, NonZeroUsize, Saturating, Wrapping},
    ops::{Bound, ControlFlow, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{
        Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize},
    },
    task::Poll,
    thread::ThreadId,
    time::{Duration, Instant, SystemTime},
};

use crate::survives::survives;
use gc_core::{Acyclic, Counted, CountedWeak, ExternalBytes, Gc, Leaf, Slot, Trace};

macro_rules! acyclic {
    ($($t:ty),* $(,)?) => { $( counts::<$t>(); )* };
}

fn counts<T: Acyclic + ?Sized>() {}

/// Acyclic, and not known by std types: not allowed in a lock.
#[derive(Trace)]
#[trace(acyclic)]
struct Own(u64);

#[test]
fn leaves_are_acyclic() {
    acyclic!((), bool, char, f64, u8, u64, i128, usize, NonZeroU8, NonZeroUsize, NonZeroI128);
    acyclic!(Duration, Instant, SystemTime, ThreadId, TypeId, Ordering, Infallible, RangeFull);
    acyclic!(IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr);
    acyclic!(str, String, OsStr, OsString, CStr, CString, Path, PathBuf, Box<str>, Box<Path>, Arc<str>);
    acyclic!(Cow<'static, str>, Cow<'static, [Arc<Own>]>);
    acyclic!(AtomicBool, AtomicU64, AtomicUsize, Once, Condvar, Barrier);
    acyclic!(fn(), fn(&'static str) -> Own, fn(u8, Mutex<Own>) -> Arc<Mutex<Own>>);
    acyclic!(ExternalBytes);
}

#[test]
fn what_has_acyclic_parts_is_acyclic() {
    acyclic!(Option<Own>, Result<Own, String>, Bound<Own>, ControlFlow<Own, u8>, Poll<Own>);
    acyclic!(Range<Own>, RangeFrom<Own>, RangeTo<Own>, RangeInclusive<Own>, RangeToInclusive<Own>);
    acyclic!(Wrapping<u64>, Saturating<u8>, Reverse<Own>, ManuallyDrop<Own>, Leaf<Own>);
    acyclic!(Box<Own>, Box<[Own]>, Vec<Own>, VecDeque<Own>, LinkedList<Own>, [Own], [Own; 3], Arc<Own>, Arc<[Own]>);
    acyclic!(BTreeMap<Own, Own>, BTreeSet<Own>, BinaryHeap<Own>, HashMap<Own, Own>, HashSet<Own>);
    acyclic!(HashMap<Own, Own, BuildHasherDefault<DefaultHasher>>);
    acyclic!((Own,), (Own, u8), (Own, (Own, (u8, String)), [Own; 2], u8, u8, u8, u8, u8, u8, u8, u8, Own));
}

/// What is not the value's own, whatever it is.
#[test]
fn pointers_that_hold_nothing_are_acyclic() {
    acyclic!(&'static Mutex<Own>, Weak<Mutex<Own>>, Weak<dyn Debug>, PhantomData<Gc<'static, u64>>, PhantomData<str>);
}

#[test]
fn locks_of_what_holds_nothing_are_acyclic() {
    acyclic!(Mutex<u64>, RwLock<HashMap<String, Vec<u8>>>, OnceLock<String>, LazyLock<String>, LazyLock<u8, Own>);
    acyclic!(Mutex<[u8]>, Mutex<Mutex<u64>>, Arc<Mutex<Option<u64>>>, Mutex<Arc<RwLock<str>>>);
    acyclic!(Mutex<Weak<Own>>, OnceLock<&'static Own>, RwLock<(fn(Own) -> Own, Vec<Weak<Mutex<Own>>>)>);
}

#[test]
fn counted_references_are_acyclic() {
    acyclic!(Counted<Own>, Counted<[Own]>, Counted<str>, Counted<Mutex<u64>>, CountedWeak<Own>, CountedWeak<str>);
    acyclic!(Mutex<CountedWeak<Own>>, Mutex<Option<Counted<str>>>, OnceLock<Counted<[Arc<Mutex<u64>>]>>);

    #[derive(Trace)]
    #[trace(acyclic)]
    struct Element {
        name: Counted<str>,
        children: Vec<Counted<Element>>,
        parent: Mutex<CountedWeak<Element>>,
        text: OnceLock<Counted<str>>,
    }
    fn element(children: Vec<Counted<Element>>) -> Counted<Element> {
        let (name, parent) = (children.len().to_string().into(), Mutex::default());
        let element = Counted::new(Element { name, children, parent, text: OnceLock::new() });
        for child in &element.children {
            *child.parent.lock().unwrap() = Counted::downgrade(&element);
        }
        element
    }
    survives::<(Counted<Element>, Gc<'static, u64>)>(
        |m| (element(vec![element(Vec::new()), element(Vec::new())]), m.alloc(1)),
        |(element, one), _| {
            assert_eq!((&*element.name, &**element.text.get_or_init(|| "text".into()), **one), ("2", "text", 1));
            let parent = element.children[1].parent.lock().unwrap().upgrade();
            assert!(parent.is_some_and(|parent| Counted::ptr_eq(&parent, element)));
        },
    );

    // Generic over what is counted: a leaf.
    #[derive(Trace)]
    #[trace(leaf, acyclic)]
    struct List<T: Acyclic> {
        value: T,
        next: Option<Counted<List<T>>>,
    }
    acyclic!(List<Own>, Counted<List<List<u8>>>);
    survives::<List<u64>>(
        |_| List { value: 1, next: Some(Counted::new(List { value: 2, next: None })) },
        |v, _| assert!(v.value == 1 && v.next.as_ref().is_some_and(|next| next.value == 2 && next.next.is_none())),
    );
}

#[test]
fn structs_and_enums_of_acyclic_fields_are() {
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Named {
        number: u64,
        r#type: Arc<str>,
        many: Vec<Option<Own>>,
        cache: OnceLock<u64>,
    }
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Tuple(u8, Own);
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Unit;
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Empty {}
    #[derive(Trace)]
    #[trace(acyclic)]
    enum Never {}
    #[derive(Trace)]
    #[trace(acyclic)]
    #[repr(u8)]
    enum Value {
        Nil = 3,
        Number(f64),
        Text { text: Arc<str>, hash: AtomicU64 } = 7,
        Pair(Arc<(Value, Value)>),
    }
    acyclic!(Named, Tuple, Unit, Empty, Never, Value, Vec<Value>);

    // They are traced like any other, and objects hold them.
    survives::<Named>(
        |_| Named { number: 1, r#type: "two".into(), many: vec![None, Some(Own(3))], cache: OnceLock::from(4) },
        |v, _| {
            assert_eq!((v.number, &*v.r#type, v.cache.get()), (1, "two", Some(&4)));
            assert!(matches!(v.many[..], [None, Some(Own(3))]));
        },
    );
    survives::<(Tuple, Unit, Empty, Option<Never>)>(
        |_| (Tuple(1, Own(2)), Unit, Empty {}, None),
        |v, _| assert!(matches!(v, (Tuple(1, Own(2)), Unit, Empty {}, None))),
    );
    survives::<Slot<'static, [Value; 4]>>(
        |m| {
            let text = Value::Text { text: "text".into(), hash: AtomicU64::new(5) };
            let pair = Value::Pair(Arc::new((Value::Nil, Value::Number(2.0))));
            Slot::new(Some(m.alloc([Value::Nil, Value::Number(1.0), text, pair])))
        },
        |v, _| {
            let [Value::Nil, Value::Number(one), Value::Text { text, hash }, Value::Pair(pair)] =
                Gc::as_ref(v.get().unwrap())
            else {
                panic!("other values")
            };
            assert_eq!((*one, &**text, hash.load(std::sync::atomic::Ordering::Relaxed)), (1.0, "text", 5));
            assert!(matches!(**pair, (Value::Nil, Value::Number(2.0))));
        },
    );
}

/// Types that contain themselves, by every pointer that holds them or not.
#[test]
fn recursive_types_are_acyclic() {
    #[derive(Trace)]
    #[trace(acyclic)]
    struct List {
        next: Option<Arc<List>>,
    }
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Element {
        children: Vec<Arc<Element>>,
        named: HashMap<String, Box<Element>>,
        parent: Mutex<Weak<Element>>,
    }
    #[derive(Trace)]
    #[trace(acyclic)]
    enum Even {
        Zero,
        After(Arc<Odd>),
    }
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Odd(Vec<Even>);
    acyclic!(List, Element, Even, Odd);

    survives::<Arc<List>>(
        |_| Arc::new(List { next: Some(Arc::new(List { next: None })) }),
        |v, _| assert!(v.next.as_ref().is_some_and(|next| next.next.is_none())),
    );
    survives::<Even>(
        |_| Even::After(Arc::new(Odd(vec![Even::Zero]))),
        |v, _| assert!(matches!(v, Even::After(odd) if matches!(odd.0[..], [Even::Zero]))),
    );
    let root = Arc::new_cyclic(|this| Element {
        children: vec![Arc::new(Element {
            children: Vec::new(),
            named: HashMap::new(),
            parent: Mutex::new(Weak::clone(this)),
        })],
        named: HashMap::new(),
        parent: Mutex::default(),
    });
    assert!(root.named.is_empty() && root.children[0].parent.lock().unwrap().upgrade().is_some());
}

#[test]
fn generic_types_are_acyclic_with_their_arguments() {
    #[derive(Trace)]
    #[trace(acyclic, leaf(B))]
    struct Pair<A, B: ?Sized + 'static = str, const N: usize = 2>
    where
        A: Debug,
    {
        first: [A; N],
        second: Arc<B>,
    }
    acyclic!(Pair<u8>, Pair<String, [Own], 7>, Pair<Option<Arc<str>>>);

    // Traced of traced parameters, acyclic of acyclic ones.
    #[derive(Trace)]
    #[trace(acyclic)]
    enum Tree<T> {
        Empty,
        Node(T, Box<[Tree<T>; 2]>),
    }
    acyclic!(Tree<Own>, Tree<Tree<u8>>);
    survives::<Tree<Gc<'static, u64>>>(
        |m| {
            Tree::Node(
                m.alloc(1),
                Box::new([Tree::Empty, Tree::Node(m.alloc(2), Box::new([Tree::Empty, Tree::Empty]))]),
            )
        },
        |v, _| {
            let Tree::Node(one, children) = v else { panic!("a node") };
            assert!(**one == 1 && matches!(&children[..], [Tree::Empty, Tree::Node(two, _)] if **two == 2));
        },
    );
    fn generic<T: Acyclic>() {
        acyclic!(Tree<T>, Vec<Option<Tree<T>>>);
    }
    generic::<Own>();

    // Generic over what is counted: a leaf.
    #[derive(Trace)]
    #[trace(leaf, acyclic)]
    struct List<T: Acyclic> {
        value: T,
        next: Option<Arc<List<T>>>,
    }
    acyclic!(List<Own>);
    survives::<List<u64>>(
        |_| List { value: 1, next: Some(Arc::new(List { value: 2, next: None })) },
        |v, _| assert!(v.value == 1 && v.next.as_ref().is_some_and(|next| next.value == 2 && next.next.is_none())),
    );

    // Associated types of parameters.
    trait Kind {
        type Payload;
    }
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Text;
    impl Kind for Text {
        type Payload = Arc<str>;
    }
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Tagged<K: Kind> {
        kind: K,
        payload: Option<K::Payload>,
        other: Vec<(u8, <K as Kind>::Payload)>,
    }
    acyclic!(Tagged<Text>);
    survives::<Tagged<Text>>(
        |_| Tagged { kind: Text, payload: Some("one".into()), other: vec![(2, "three".into())] },
        |v, _| assert!(matches!(v.kind, Text) && v.payload.as_deref() == Some("one") && *v.other[0].1 == *"three"),
    );

    // Bounds of one's own.
    #[derive(Trace)]
    #[trace(acyclic, bound = "T: Trace")]
    struct Bounded<T>(Vec<T>);
    #[derive(Trace)]
    #[trace(leaf, acyclic, bound = "T: Send + Sync")]
    struct BoundedLeaf<T>(Arc<T>);
    acyclic!(Bounded<Own>, BoundedLeaf<Own>);
}

#[test]
fn leaf_types_are_acyclic() {
    /// With a destructor.
    #[derive(Trace)]
    #[trace(leaf, acyclic)]
    struct Logged {
        log: Arc<Mutex<Vec<String>>>,
        kids: Vec<Arc<Logged>>,
    }
    impl Drop for Logged {
        fn drop(&mut self) {
            self.log.lock().unwrap().push(format!("{} kids", self.kids.len()));
        }
    }
    acyclic!(Logged);
    let log = Arc::new(Mutex::new(Vec::new()));
    let kid = Arc::new(Logged { log: Arc::clone(&log), kids: Vec::new() });
    drop(Logged { log: Arc::clone(&log), kids: vec![Arc::clone(&kid), kid] });
    assert_eq!(*log.lock().unwrap(), ["2 kids", "0 kids"]);
}

#[test]
fn what_is_assumed_is_not_asked() {
    struct Profile;

    #[derive(Trace)]
    #[trace(acyclic)]
    enum Code<L, T> {
        #[expect(dead_code, reason = "it is there for its types")]
        Native {
            #[trace(skip, assume_acyclic)]
            call: for<'a> fn(&'a str) -> &'a str,
            #[trace(assume_acyclic)]
            profile: Mutex<Profile>,
        },
        Own(#[trace(skip, assume_acyclic)] ExitStatus, T, #[trace(assume_acyclic, skip)] Arc<L>),
    }
    acyclic!(Code<Profile, Own>);
    survives::<Code<Mutex<Profile>, u64>>(
        |_| Code::Own(ExitStatus::default(), 1, Arc::new(Mutex::new(Profile))),
        |v, _| assert!(matches!(v, Code::Own(status, 1, _) if status.success())),
    );
}

/// Trait objects of a trait that has `Acyclic` as its supertrait.
#[test]
fn trait_objects_of_acyclic_traits_are() {
    trait Shape: Acyclic + Send + Sync {
        fn area(&self) -> f64;
    }
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Square(f64);
    impl Shape for Square {
        fn area(&self) -> f64 {
            self.0 * self.0
        }
    }
    #[derive(Trace)]
    #[trace(leaf, acyclic)]
    struct Scene(Vec<Arc<dyn Shape>>);
    impl Shape for Scene {
        fn area(&self) -> f64 {
            self.0.iter().map(|shape| shape.area()).sum()
        }
    }
    acyclic!(dyn Shape, Box<dyn Shape>, Arc<dyn Shape + Send>, Scene);
    survives::<Scene>(
        |_| Scene(vec![Arc::new(Square(2.0)), Arc::new(Scene(vec![Arc::new(Square(1.0))]))]),
        |v, _| assert_eq!(v.area(), 5.0),
    );
}

/// The derive's code means what it says wherever it stands.
mod hygiene {
    use gc_core as renamed;

    use super::counts;

    /// Without a prelude, and with names that mean something else.
    #[no_implicit_prelude]
    mod shadowed {
        #[expect(dead_code, reason = "names the derive must not use")]
        mod names {
            pub trait Acyclic {}
            pub trait Send {}
            pub trait Sync {}
            pub trait Trace {}
            pub struct Proofs;
        }
        #[expect(unused_imports, reason = "names the derive must not use")]
        use self::names::*;
        mod core {}
        mod std {}
        mod gc_core {}

        /// Generic over names that the derive might use.
        #[derive(::gc_core::Trace)]
        #[trace(acyclic)]
        pub struct Node<V, F, S> {
            /// A field.
            pub this: V,
            /// A field.
            pub value: ::std::vec::Vec<F>,
            /// A field.
            #[trace(skip, assume_acyclic)]
            pub visitor: ::std::sync::Mutex<S>,
        }

        /// With a method that has a name of the trait's.
        #[derive(::gc_core::Trace)]
        #[trace(leaf, acyclic)]
        pub struct Named(pub ::std::string::String);

        impl Named {
            /// Not the trait's.
            pub fn acyclic_proofs(&self) -> ::core::primitive::usize {
                self.0.len()
            }
            /// Not the trait's.
            pub fn prove_acyclic(self) {}
        }
    }

    #[test]
    fn shadowed_names_mean_nothing_to_the_derive() {
        counts::<shadowed::Node<u8, String, super::Own>>();
        counts::<shadowed::Named>();
        assert_eq!(shadowed::Named("name".into()).acyclic_proofs(), 4);
        shadowed::Named(String::new()).prove_acyclic();
        let node = shadowed::Node { this: 1, value: vec![2], visitor: Default::default() };
        assert_eq!((node.this, &node.value[..], *node.visitor.lock().unwrap()), (1, &[2][..], 0));
    }

    #[test]
    fn the_crate_may_have_another_path() {
        #[derive(renamed::Trace)]
        #[trace(crate = renamed, acyclic)]
        struct Node(u8);
        counts::<Node>();
        assert_eq!(Node(1).0, 1);
    }

    /// Fields named by a macro are hygienic: the derive uses them with the macro's spans.
    #[test]
    fn fields_named_by_macros_are_proven() {
        macro_rules! node {
            ($name:ident, $field:ident: $ty:ty) => {
                #[derive(renamed::Trace)]
                #[trace(acyclic)]
                struct $name {
                    $field: $ty,
                    own: u64,
                }
                impl $name {
                    fn sum($field: $ty, own: u64) -> u64 {
                        let both = Self { $field, own };
                        both.$field + both.own
                    }
                }
            };
        }
        node!(Node, own_too: u64);
        counts::<Node>();
        assert_eq!(Node::sum(1, 2), 3);
    }
}
