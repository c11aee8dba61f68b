//! Everything that `#[derive(Trace)]` supports compiles, under lints that forbid what it writes, and traces right.

#![deny(warnings, missing_docs, clippy::all, clippy::undocumented_unsafe_blocks)]

use std::{
    fmt::Debug,
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use crate::survives::survives;
use gc_core::{Gc, GcCell, Mutator, Object, Slot, Trace, Traced, collections::HashMap};

#[test]
fn structs_are_traced() {
    #[derive(Trace)]
    struct Named<'gc> {
        number: u64,
        r#type: Gc<'gc, str>,
        slot: Slot<'gc, u64>,
        cell: GcCell<Vec<Gc<'gc, u64>>>,
        optional: Option<Gc<'gc, u64>>,
    }
    survives::<Named<'static>>(
        |m| Named {
            number: 1,
            r#type: m.alloc_str("two"),
            slot: Slot::new(Some(m.alloc(3))),
            cell: GcCell::new(vec![m.alloc(4)]),
            optional: Some(m.alloc(5)),
        },
        |v, m| {
            assert_eq!((v.number, &*v.r#type, v.slot.get().map(|int| *int)), (1, "two", Some(3)));
            assert_eq!((*v.cell.borrow(m)[0], v.optional.map(|int| *int)), (4, Some(5)));
        },
    );

    #[derive(Trace)]
    struct Tuple<'heap>(u8, Gc<'heap, u64>, Gc<'heap, str>);
    survives::<Tuple<'static>>(
        |m| Tuple(1, m.alloc(2), m.alloc_str("three")),
        |v, _| assert_eq!((v.0, *v.1, &*v.2), (1, 2, "three")),
    );

    #[derive(Trace)]
    struct Unit;
    survives::<Unit>(|_| Unit, |_, _| ());

    #[derive(Trace)]
    struct Empty {}
    survives::<Empty>(|_| Empty {}, |_, _| ());

    #[derive(Trace)]
    struct Newtype<'gc>(Gc<'gc, u64>);
    const { assert!(Newtype::HAS_GC && !Newtype::HAS_CELL) };
    survives::<Newtype<'static>>(|m| Newtype(m.alloc(1)), |v, _| assert_eq!(*v.0, 1));
}

#[test]
fn enums_are_traced() {
    #[derive(Trace, Clone, Copy)]
    #[repr(u8)]
    enum Value<'gc> {
        Nil,
        Int(u64) = 7,
        Pair(Gc<'gc, u64>, Gc<'gc, str>),
        Node { left: Gc<'gc, u64>, right: Option<Gc<'gc, u64>> } = 99,
    }
    survives::<[Value<'static>; 4]>(
        |m| {
            let (one, two) = (m.alloc(1), m.alloc(2));
            let node = Value::Node { left: one, right: Some(two) };
            [Value::Nil, Value::Int(3), Value::Pair(one, m.alloc_str("four")), node]
        },
        |v, _| {
            assert!(matches!(v[0], Value::Nil));
            assert!(matches!(v[1], Value::Int(3)));
            assert!(matches!(v[2], Value::Pair(one, four) if *one == 1 && &*four == "four"));
            assert!(matches!(v[3], Value::Node { left, right: Some(right) } if *left == 1 && *right == 2));
        },
    );

    #[derive(Trace)]
    enum One<'gc> {
        Only(Slot<'gc, u64>),
    }
    const { assert!(One::HAS_CELL) };
    survives::<One<'static>>(
        |m| One::Only(Slot::new(Some(m.alloc(1)))),
        |One::Only(slot), _| assert_eq!(slot.get().map(|int| *int), Some(1)),
    );

    #[derive(Trace)]
    enum Never {}
    survives::<Vec<Never>>(|_| Vec::new(), |v, _| assert!(v.is_empty()));

    #[derive(Trace)]
    enum Discriminants {
        A = 1,
        B = -5,
    }
    survives::<[Discriminants; 2]>(
        |_| [Discriminants::A, Discriminants::B],
        |v, _| assert!(matches!(v, [Discriminants::A, Discriminants::B])),
    );

    #[derive(Trace)]
    enum Mixed<'gc> {
        Unit {},
        Tuple(),
        Big {
            bytes: [u8; 100],
            text: String,
            node: Gc<'gc, u64>,
        },
        #[expect(dead_code, reason = "it is there for its cell")]
        Cell(GcCell<u64>),
    }
    const { assert!(Mixed::HAS_CELL) };
    survives::<[Mixed<'static>; 3]>(
        |m| {
            let big = Mixed::Big { bytes: [7; 100], text: "text".into(), node: m.alloc(1) };
            [Mixed::Unit {}, Mixed::Tuple(), big]
        },
        |v, _| {
            assert!(matches!(v, [Mixed::Unit {}, Mixed::Tuple(), Mixed::Big { bytes, text, node }]
                if *bytes == [7; 100] && text == "text" && **node == 1));
        },
    );
}

/// Types that contain themselves, through the heap and through memory of their own.
#[test]
fn recursive_types_are_traced() {
    #[derive(Trace)]
    struct Node<'gc> {
        value: u64,
        next: Slot<'gc, Node<'gc>>,
        first: Option<Gc<'gc, Node<'gc>>>,
    }
    survives::<Gc<'static, Node<'static>>>(
        |m| {
            let first = m.alloc(Node { value: 0, next: Slot::null(), first: None });
            let mut last = first;
            for value in 1..1000 {
                let node = m.alloc(Node { value, next: Slot::null(), first: Some(first) });
                last.next.set(m, Some(node));
                last = node;
            }
            last.next.set(m, Some(first));
            first
        },
        |v, _| {
            let mut node = *v;
            for value in 0..1000 {
                assert_eq!(node.value, value);
                assert!(node.first.is_none_or(|first| Gc::ptr_eq(first, *v)));
                node = node.next.get().expect("a ring");
            }
            assert!(Gc::ptr_eq(node, *v));
        },
    );

    #[derive(Trace)]
    struct Tree<'gc> {
        name: Gc<'gc, str>,
        kids: Vec<Tree<'gc>>,
        boxed: Option<Box<Tree<'gc>>>,
    }
    fn tree<'gc>(m: &'gc Mutator, depth: usize) -> Tree<'gc> {
        Tree {
            name: m.alloc_str(&depth.to_string()),
            kids: (0..depth).map(|_| tree(m, depth - 1)).collect(),
            boxed: depth.checked_sub(1).map(|depth| Box::new(tree(m, depth))),
        }
    }
    fn check(tree: &Tree<'_>, depth: usize) {
        assert_eq!(&*tree.name, depth.to_string());
        assert_eq!(tree.kids.len(), depth);
        tree.kids.iter().chain(tree.boxed.as_deref()).for_each(|kid| check(kid, depth - 1));
    }
    survives::<Tree<'static>>(|m| tree(m, 4), |v, _| check(v, 4));

    #[derive(Trace)]
    enum Even<'gc> {
        Zero,
        After(Box<Odd<'gc>>),
    }
    #[derive(Trace)]
    struct Odd<'gc>(Vec<Even<'gc>>, Gc<'gc, u64>);
    survives::<Even<'static>>(
        |m| Even::After(Box::new(Odd(vec![Even::Zero], m.alloc(1)))),
        |v, _| assert!(matches!(v, Even::After(odd) if matches!(odd.0[0], Even::Zero) && *odd.1 == 1)),
    );

    // Generic, without a collection lifetime of its own.
    #[derive(Trace)]
    enum List<T> {
        Nil,
        Cons(T, Box<List<T>>),
    }
    const { assert!(<List<Gc<'static, u8>>>::HAS_GC && !<List<u8>>::HAS_GC) };
    survives::<List<Gc<'static, u64>>>(
        |m| List::Cons(m.alloc(1), Box::new(List::Cons(m.alloc(2), Box::new(List::Nil)))),
        |v, _| {
            let List::Cons(one, rest) = v else { panic!("the first") };
            let List::Cons(two, end) = &**rest else { panic!("the second") };
            assert!(**one == 1 && **two == 2 && matches!(**end, List::Nil));
        },
    );
}

#[test]
fn generic_types_are_traced() {
    #[derive(Trace)]
    struct Sorted<'gc, T: Ord + 'gc, U: ?Sized = str, const N: usize = 2>
    where
        T: Debug,
        U: Object,
        Option<T>: PartialEq,
    {
        items: [Gc<'gc, T>; N],
        least: Option<T>,
        text: Gc<'gc, U>,
    }
    survives::<Sorted<'static, u64>>(
        |m| Sorted { items: [m.alloc(1), m.alloc(2)], least: Some(1), text: m.alloc_str("three") },
        |v, _| assert_eq!((v.items.map(|int| *int), v.least, &*v.text), ([1, 2], Some(1), "three")),
    );
    survives::<Sorted<'static, u64, [Gc<'static, u64>], 1>>(
        |m| Sorted { items: [m.alloc(1)], least: None, text: m.alloc_slice_copy(&[m.alloc(2)]) },
        |v, _| assert_eq!((*v.items[0], *v.text[0]), (1, 2)),
    );

    #[derive(Trace)]
    struct Pair<A, B>(A, Vec<B>);
    const {
        assert!(<Pair<Gc<'static, u8>, u8>>::HAS_GC && <Pair<u8, Slot<'static, u8>>>::HAS_GC);
        assert!(!<Pair<u8, String>>::HAS_GC);
        assert!(<Pair<Slot<'static, u8>, u8>>::HAS_CELL && !<Pair<u8, u8>>::HAS_CELL);
    }
    survives::<Pair<Gc<'static, u64>, Pair<u8, Gc<'static, str>>>>(
        |m| Pair(m.alloc(1), vec![Pair(2, vec![m.alloc_str("three")])]),
        |v, _| assert_eq!((*v.0, v.1[0].0, &*v.1[0].1[0]), (1, 2, "three")),
    );

    #[derive(Trace)]
    struct Arrays<T, const N: usize>([[T; N]; 2]);
    survives::<Arrays<Gc<'static, u64>, 3>>(
        |m| Arrays([[1, 2, 3].map(|i| m.alloc(i)), [4, 5, 6].map(|i| m.alloc(i))]),
        |v, _| assert_eq!(v.0.map(|row| row.map(|int| *int)), [[1, 2, 3], [4, 5, 6]]),
    );

    // One parameter bounds another, and the lifetime.
    #[derive(Trace)]
    struct Convert<'gc, A, B>
    where
        A: Into<B> + Clone + 'gc,
        B: From<A> + Default,
        for<'x> &'x A: Debug,
    {
        from: A,
        to: B,
        slot: Slot<'gc, A>,
    }
    survives::<Convert<'static, u8, u64>>(
        |m| Convert { from: 1, to: 2, slot: Slot::new(Some(m.alloc(3))) },
        |v, _| assert_eq!((v.from, v.to, v.slot.get().map(|int| *int)), (1, 2, Some(3))),
    );

    // A trait that has `Trace` as its supertrait.
    trait Element: Trace {
        fn number(&self) -> u64;
    }
    impl Element for Gc<'_, u64> {
        fn number(&self) -> u64 {
            **self
        }
    }
    #[derive(Trace)]
    struct Elements<T: Element>(Vec<T>);
    survives::<Elements<Gc<'static, u64>>>(|m| Elements(vec![m.alloc(1)]), |v, _| assert_eq!(v.0[0].number(), 1));
}

/// Associated types of parameters follow their parameters.
#[test]
fn associated_types_are_traced() {
    trait Kind {
        type Payload;
        type Other;
    }
    #[derive(Trace, Clone, Copy)]
    struct Text<'gc>(Gc<'gc, str>);
    impl<'gc> Kind for Text<'gc> {
        type Payload = Gc<'gc, u64>;
        type Other = Vec<Gc<'gc, str>>;
    }

    #[derive(Trace)]
    struct Tagged<K: Kind> {
        kind: K,
        payload: Option<K::Payload>,
        other: (u8, <K as Kind>::Other),
    }
    survives::<Tagged<Text<'static>>>(
        |m| Tagged {
            kind: Text(m.alloc_str("kind")),
            payload: Some(m.alloc(1)),
            other: (2, vec![m.alloc_str("other")]),
        },
        |v, _| {
            assert_eq!((&*v.kind.0, v.payload.map(|int| *int)), ("kind", Some(1)));
            assert_eq!((v.other.0, &*v.other.1[0]), (2, "other"));
        },
    );

    #[derive(Trace)]
    struct Bounded<'gc, K: Trace + Kind>
    where
        K::Payload: Copy,
    {
        kind: Gc<'gc, K>,
        payload: K::Payload,
    }
    survives::<Bounded<'static, Text<'static>>>(
        |m| Bounded { kind: m.alloc(Text(m.alloc_str("kind"))), payload: m.alloc(1) },
        |v, _| assert_eq!((&*v.kind.0, *v.payload), ("kind", 1)),
    );

    // Spelled out: what the derive infers for `Tagged`.
    #[derive(Trace)]
    #[trace(bound = "K: Trace + Kind,
                     K::Static: Kind,
                     for<'x> K::At<'x>: Kind,
                     for<'x> K::Payload: Trace<
                        At<'x> = <K::At<'x> as Kind>::Payload, Static = <K::Static as Kind>::Payload>,
                     for<'x> <K::Static as Kind>::Payload: Trace<
                        At<'x> = <K::At<'x> as Kind>::Payload, Static = <K::Static as Kind>::Payload>,
                     for<'x, 'y> <K::At<'y> as Kind>::Payload: Trace<
                        At<'x> = <K::At<'x> as Kind>::Payload, Static = <K::Static as Kind>::Payload>")]
    struct Explicit<K: Kind>(K::Payload);
    survives::<Explicit<Text<'static>>>(|m| Explicit(m.alloc(1)), |v, _| assert_eq!(*v.0, 1));
}

#[test]
fn leaves_are_not_looked_into() {
    /// Not traced, and with a destructor.
    #[derive(Trace)]
    #[trace(leaf)]
    struct Counted<T: Send + 'static>(Arc<Mutex<T>>, std::process::ExitStatus)
    where
        T: Default;
    impl<T: Send + 'static + Default> Drop for Counted<T> {
        fn drop(&mut self) {
            *self.0.lock().expect("not poisoned") = T::default();
        }
    }
    const { assert!(!Counted::<u8>::HAS_GC) };
    let shared = Arc::new(Mutex::new(1));
    survives::<Counted<u8>>(
        {
            let shared = Arc::clone(&shared);
            move |_| Counted(Arc::clone(&shared), Default::default())
        },
        |v, _| assert!(v.1.success()),
    );
    assert_eq!(*shared.lock().expect("not poisoned"), 0);
    assert_eq!(Arc::strong_count(&shared), 1);

    #[derive(Trace)]
    #[trace(leaf)]
    enum Native {
        Print(fn(&str)),
    }
    survives::<Native>(|_| Native::Print(|_| ()), |Native::Print(print), _| print("a leaf"));

    /// Skipped fields, in every place; a parameter that occurs in them only.
    #[derive(Trace)]
    enum Skips<'gc, L, T> {
        A(#[trace(skip)] std::process::ExitStatus, Gc<'gc, T>),
        #[expect(dead_code, reason = "it is there for its types")]
        B {
            #[trace(skip)]
            shared: Arc<L>,
            #[trace(skip)]
            native: for<'a> fn(&'a Mutator, Gc<'a, u64>) -> Gc<'a, u64>,
        },
    }
    survives::<Skips<'static, Mutex<u8>, u64>>(
        |m| Skips::A(Default::default(), m.alloc(1)),
        |v, _| assert!(matches!(v, Skips::A(status, int) if status.success() && **int == 1)),
    );

    /// A parameter that is a leaf though it occurs in a traced field.
    #[derive(Trace)]
    #[trace(leaf(K, S))]
    struct Table<'gc, K, V: Object + ?Sized, S = std::hash::RandomState> {
        map: HashMap<K, Gc<'gc, V>, S>,
    }
    survives::<Table<'static, &'static str, str>>(
        |m| Table { map: HashMap::from([("a", m.alloc_str("b"))]) },
        |v, _| assert_eq!(&*v.map["a"], "b"),
    );

    #[derive(Trace)]
    struct Marked<'gc, T: ?Sized + Object>(Slot<'gc, u64>, PhantomData<T>);
    survives::<Marked<'static, str>>(
        |m| Marked(Slot::new(Some(m.alloc(1))), PhantomData),
        |v, _| assert!(v.0.get().is_some_and(|int| *int == 1)),
    );
}

/// The derive's code means what it says wherever it stands.
mod hygiene {
    use gc_core as renamed;

    use super::survives;

    /// Without a prelude, and with names that mean something else.
    #[no_implicit_prelude]
    mod shadowed {
        /// Not the prelude's.
        pub struct Option;
        /// Not the prelude's.
        #[expect(non_camel_case_types, dead_code, reason = "a name the derive must not use")]
        pub struct bool;
        #[expect(dead_code, reason = "a name the derive must not use")]
        struct Some;
        #[expect(dead_code, reason = "a name the derive must not use")]
        trait Trace {}
        #[expect(dead_code, reason = "a name the derive must not use")]
        trait Send {}
        #[expect(dead_code, reason = "a name the derive must not use")]
        trait Sync {}
        mod core {}
        mod std {}
        mod gc_core {}
        #[expect(dead_code, non_upper_case_globals, reason = "names of the derive's locals")]
        mod constants {
            pub const this: () = ();
            pub const value: () = ();
            pub const visitor: () = ();
            pub const here_0: () = ();
            pub const there_0: () = ();
        }
        #[expect(unused_imports, reason = "names of the derive's locals")]
        use self::constants::*;

        /// Generic over names that the derive might use.
        #[derive(::gc_core::Trace)]
        pub struct Node<'collection, V, F, S> {
            /// A field.
            pub this: V,
            /// A field.
            pub value: ::gc_core::Gc<'collection, F>,
            /// A field.
            #[trace(skip)]
            pub visitor: ::std::sync::Arc<S>,
        }

        /// Not the prelude's.
        #[derive(::gc_core::Trace)]
        pub enum Result<'a> {
            /// A variant.
            Ok(::gc_core::Gc<'a, ::core::primitive::u64>),
            /// A variant.
            Err,
        }

        /// A leaf.
        #[derive(::gc_core::Trace)]
        #[trace(leaf)]
        pub struct Plain<T>(pub ::std::boxed::Box<T>);
    }

    #[test]
    fn shadowed_names_mean_nothing_to_the_derive() {
        survives::<shadowed::Node<'static, u8, u64, String>>(
            |m| shadowed::Node { this: 1, value: m.alloc(2), visitor: Default::default() },
            |v, _| assert_eq!((v.this, *v.value, v.visitor.len()), (1, 2, 0)),
        );
        survives::<[shadowed::Result<'static>; 2]>(
            |m| [shadowed::Result::Ok(m.alloc(1)), shadowed::Result::Err],
            |v, _| assert!(matches!(v, [shadowed::Result::Ok(int), shadowed::Result::Err] if **int == 1)),
        );
        survives::<shadowed::Plain<u8>>(|_| shadowed::Plain(Box::new(1)), |v, _| assert_eq!(*v.0, 1));
        let _ = shadowed::Option;
    }

    #[test]
    fn the_crate_may_have_another_path() {
        #[derive(renamed::Trace)]
        #[trace(crate = renamed)]
        struct Node<'gc>(renamed::Gc<'gc, u64>);
        survives::<Node<'static>>(|m| Node(m.alloc(1)), |v, _| assert_eq!(*v.0, 1));

        #[derive(renamed::Trace)]
        #[trace(crate = crate::supported::hygiene::renamed, leaf)]
        struct Leaf(u8);
        survives::<Leaf>(|_| Leaf(1), |v, _| assert_eq!(v.0, 1));
    }

    /// Fields named by a macro are hygienic: the derive uses them with the macro's spans.
    #[test]
    fn fields_named_by_macros_are_traced() {
        macro_rules! node {
            ($name:ident, $lifetime:lifetime, $field:ident: $ty:ty) => {
                #[derive(renamed::Trace)]
                struct $name<$lifetime> {
                    $field: $ty,
                    own: renamed::Slot<$lifetime, u64>,
                }
                impl<$lifetime> $name<$lifetime> {
                    fn new($field: $ty, own: renamed::Slot<$lifetime, u64>) -> Self {
                        Self { $field, own }
                    }
                    fn own(&self) -> Option<u64> {
                        self.own.get().map(|int| *int)
                    }
                }
            };
        }
        node!(Node, 'gc, own_too: renamed::Gc<'gc, u64>);
        survives::<Node<'static>>(
            |m| Node::new(m.alloc(1), renamed::Slot::new(Some(m.alloc(2)))),
            |v, _| assert_eq!((*v.own_too, v.own()), (1, Some(2))),
        );

        macro_rules! pointer {
            ($lifetime:lifetime $target:ty) => { renamed::Gc<$lifetime, $target> };
        }
        #[derive(renamed::Trace)]
        struct Typed<'gc>(pointer!('gc u64), Vec<pointer!('gc str)>);
        survives::<Typed<'static>>(
            |m| Typed(m.alloc(1), vec![m.alloc_str("two")]),
            |v, _| assert_eq!((*v.0, &*v.1[0]), (1, "two")),
        );
    }
}

/// Generic code over traced types composes.
#[test]
fn generic_functions_over_traced_types_compose() {
    #[derive(Trace)]
    struct Entry<'gc, T: Trace> {
        value: Gc<'gc, T>,
        next: Slot<'gc, Entry<'gc, T>>,
    }
    fn push<'gc, T: Traced<'gc>>(
        m: &'gc Mutator,
        value: T,
        next: Option<Gc<'gc, Entry<'gc, T>>>,
    ) -> Gc<'gc, Entry<'gc, T>> {
        m.alloc(Entry { value: m.alloc(value), next: Slot::new(next) })
    }
    survives::<Gc<'static, Entry<'static, Gc<'static, str>>>>(
        |m| push(m, m.alloc_str("one"), Some(push(m, m.alloc_str("two"), None))),
        |v, _| {
            assert_eq!(&**v.value, "one");
            assert_eq!(v.next.get().map(|next| String::from(&**next.value)), Some("two".into()));
        },
    );

    // Bounds stand where they are used, not on the type: see the derive's documentation.
    #[derive(Trace)]
    struct Ordered<'gc, T>(Gc<'gc, T>, Vec<T>);
    fn ordered<'gc, T>(m: &'gc Mutator, mut values: Vec<T>) -> Gc<'gc, Ordered<'gc, T>>
    where
        T: Traced<'gc> + Ord + Clone,
    {
        values.sort();
        m.alloc(Ordered(m.alloc(values[0].clone()), values))
    }
    survives::<Gc<'static, Ordered<'static, u64>>>(
        |m| ordered(m, vec![2, 1]),
        |v, _| assert_eq!((*v.0, &v.1[..]), (1, &[1, 2][..])),
    );
}
