//! A path-copying tree: 500 000 inserts, every 5 000th version is kept.

use std::rc::Rc;

use gc_benches::{
    contest::{Contestant, Outcome, run},
    random::Random,
};
use gc_core::{Gc, Heap, Mutator, Trace};

const INSERTS: u64 = 500_000;
const KEEP_EVERY: u64 = 5_000;

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

fn ours() -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut random = Random::new(3);
    let mut tree = m.root(None::<Gc<Node>>);
    let mut kept = m.root(Vec::<Gc<Node>>::new());
    for value in 0..INSERTS {
        let new = insert(&m, tree.get(&m), random.next_u64(), value);
        tree.set(&m, Some(new));
        if value % KEEP_EVERY == 0 {
            kept.get_mut(&m).push(new);
        }
        m.safepoint();
    }
    Outcome::of(sum(tree.get(&m)) + kept.borrow(&m).iter().map(|version| version.key & 1).sum::<u64>())
}

struct RcNode {
    key: u64,
    value: u64,
    left: Option<Rc<RcNode>>,
    right: Option<Rc<RcNode>>,
}

fn rc() -> Outcome {
    fn insert(tree: Option<&Rc<RcNode>>, key: u64, value: u64) -> Rc<RcNode> {
        Rc::new(match tree {
            None => RcNode { key, value, left: None, right: None },
            Some(node) if key < node.key => RcNode {
                key: node.key,
                value: node.value,
                left: Some(insert(node.left.as_ref(), key, value)),
                right: node.right.clone(),
            },
            Some(node) => RcNode {
                key: node.key,
                value: node.value,
                left: node.left.clone(),
                right: Some(insert(node.right.as_ref(), key, value)),
            },
        })
    }
    fn sum(tree: Option<&Rc<RcNode>>) -> u64 {
        tree.map_or(0, |node| node.value + sum(node.left.as_ref()) + sum(node.right.as_ref()))
    }
    let mut random = Random::new(3);
    let mut tree: Option<Rc<RcNode>> = None;
    let mut kept = Vec::new();
    for value in 0..INSERTS {
        let new = insert(tree.as_ref(), random.next_u64(), value);
        tree = Some(new.clone());
        if value % KEEP_EVERY == 0 {
            kept.push(new);
        }
    }
    Outcome::of(sum(tree.as_ref()) + kept.iter().map(|version| version.key & 1).sum::<u64>())
}

fn main() {
    run(
        "persistent map",
        &[
            Contestant { name: "rc", run: rc, at_most: None },
            Contestant { name: "gc-core", run: ours, at_most: Some((0.6, "rc")) },
        ],
    );
}
