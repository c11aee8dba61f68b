//! `persistent_map`: a path-copying tree, of which some versions are kept.

use gc_benches::random::Random;
use gc_core::{Gc, Heap, Mutator, Trace};

use crate::{
    Outcome, Program,
    owned::{Arcs, Rcs, Shared},
    peers::{bacon, boa, dumpster, gc_arena},
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", collected),
    ("rc", counted::<Rcs>),
    ("arc", counted::<Arcs>),
    ("gc-arena", gc_arena::persistent_map),
    ("dumpster", dumpster::persistent_map),
    ("boa_gc", boa::persistent_map),
    ("bacon_rajan_cc", bacon::persistent_map),
];

/// A tree of random keys is balanced well enough.
#[derive(Trace)]
struct Node<'gc> {
    key: u64,
    value: u64,
    left: Option<Gc<'gc, Node<'gc>>>,
    right: Option<Gc<'gc, Node<'gc>>>,
}

fn insert<'gc>(m: &'gc Mutator, tree: Option<Gc<'gc, Node<'gc>>>, key: u64, value: u64) -> Gc<'gc, Node<'gc>> {
    let new = match tree {
        None => Node { key, value, left: None, right: None },
        Some(node) if key < node.key => {
            Node { key: node.key, value: node.value, left: Some(insert(m, node.left, key, value)), right: node.right }
        }
        Some(node) => {
            Node { key: node.key, value: node.value, left: node.left, right: Some(insert(m, node.right, key, value)) }
        }
    };
    m.alloc(new)
}

fn sum(tree: Option<Gc<Node>>) -> u64 {
    tree.map_or(0, |node| node.value + sum(node.left) + sum(node.right))
}

fn collected(arguments: &[u64]) -> Outcome {
    let [inserts, keep_every] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut random = Random::new(3);
    let mut tree = m.root(None::<Gc<Node>>);
    let mut kept = m.root(Vec::<Gc<Node>>::new());
    for value in 0..inserts {
        let new = insert(&m, tree.get(&m), u64::from(random.next_u32() >> 1), value);
        tree.set(&m, Some(new));
        if value % keep_every == 0 {
            kept.get_mut(&m).push(new);
        }
        m.safepoint();
    }
    Outcome::of(sum(tree.get(&m)) + kept.borrow(&m).iter().map(|version| version.key & 1).sum::<u64>())
}

struct SharedNode<K: Shared> {
    key: u64,
    value: u64,
    left: Option<K::To<SharedNode<K>>>,
    right: Option<K::To<SharedNode<K>>>,
}

fn counted<K: Shared>(arguments: &[u64]) -> Outcome {
    type To<K> = <K as crate::owned::Kind>::To<SharedNode<K>>;
    fn insert<K: Shared>(tree: Option<&To<K>>, key: u64, value: u64) -> To<K> {
        let Some(node) = tree else { return SharedNode { key, value, left: None, right: None }.into() };
        let (left, right) = if key < node.key {
            (Some(insert::<K>(node.left.as_ref(), key, value)), node.right.as_ref().map(K::share))
        } else {
            (node.left.as_ref().map(K::share), Some(insert::<K>(node.right.as_ref(), key, value)))
        };
        SharedNode { key: node.key, value: node.value, left, right }.into()
    }
    fn sum<K: Shared>(tree: Option<&To<K>>) -> u64 {
        tree.map_or(0, |node| node.value + sum::<K>(node.left.as_ref()) + sum::<K>(node.right.as_ref()))
    }
    let [inserts, keep_every] = sizes(arguments);
    let mut random = Random::new(3);
    let mut tree: Option<To<K>> = None;
    let mut kept = Vec::new();
    for value in 0..inserts {
        let new = insert::<K>(tree.as_ref(), u64::from(random.next_u32() >> 1), value);
        if value % keep_every == 0 {
            kept.push(K::share(&new));
        }
        tree = Some(new);
    }
    Outcome::of(sum::<K>(tree.as_ref()) + kept.iter().map(|version| version.key & 1).sum::<u64>())
}
