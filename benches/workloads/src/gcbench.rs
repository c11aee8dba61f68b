//! `gcbench`: trees top down and bottom up, a long-lived tree, an array of doubles (Ellis, Kovac, Boehm).

use std::cell::Cell;

use bumpalo::Bump;
use gc_core::{Gc, Heap, Mutator, Slot, Trace};

use crate::{
    Outcome, Program,
    peers::{bacon, boa, dumpster, gc_arena},
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", collected),
    ("arena", arena),
    ("box", boxes),
    ("gc-arena", gc_arena::gcbench),
    ("dumpster", dumpster::gcbench),
    ("boa_gc", boa::gcbench),
    ("bacon_rajan_cc", bacon::gcbench),
];

/// As many nodes at every depth.
fn iterations(stretch: u64, depth: u64) -> u64 {
    let size = |depth: u64| (1 << (depth + 1)) - 1;
    2 * size(stretch) / size(depth)
}

/// The rules. `bottom_up` and `top_down` make a tree of a depth, count its nodes, and let it go; `long` makes the tree that lives long.
pub(crate) fn play<L>(
    arguments: &[u64],
    mut bottom_up: impl FnMut(u64) -> u64,
    mut top_down: impl FnMut(u64) -> u64,
    long: impl FnOnce(u64) -> L,
    count_long: impl FnOnce(&L) -> u64,
) -> Outcome {
    let [depth, doubles] = sizes(arguments);
    let mut total = bottom_up(depth + 2);
    let long = long(depth);
    let array: Vec<f64> = (0..doubles).map(|i| 1.0 / (i + 1) as f64).collect();
    for each in (4..=depth).step_by(2) {
        total += (0..iterations(depth + 2, each)).map(|_| top_down(each)).sum::<u64>();
        total += (0..iterations(depth + 2, each)).map(|_| bottom_up(each)).sum::<u64>();
    }
    assert!(array[1000] > 0.0);
    Outcome::of(total + count_long(&long))
}

#[derive(Trace)]
struct Node<'gc> {
    left: Slot<'gc, Node<'gc>>,
    right: Slot<'gc, Node<'gc>>,
    _numbers: [u32; 2],
}

fn node<'gc>(
    m: &'gc Mutator,
    left: Option<Gc<'gc, Node<'gc>>>,
    right: Option<Gc<'gc, Node<'gc>>>,
) -> Gc<'gc, Node<'gc>> {
    m.alloc(Node { left: Slot::new(left), right: Slot::new(right), _numbers: [0; 2] })
}

fn populate<'gc>(m: &'gc Mutator, depth: u64, at: Gc<'gc, Node<'gc>>) {
    if depth > 0 {
        let (left, right) = (node(m, None, None), node(m, None, None));
        at.left.set(m, Some(left));
        at.right.set(m, Some(right));
        populate(m, depth - 1, left);
        populate(m, depth - 1, right);
    }
}

fn make<'gc>(m: &'gc Mutator, depth: u64) -> Gc<'gc, Node<'gc>> {
    if depth == 0 { node(m, None, None) } else { node(m, Some(make(m, depth - 1)), Some(make(m, depth - 1))) }
}

fn count(at: &Node) -> u64 {
    1 + at.left.get().map_or(0, |left| count(&left)) + at.right.get().map_or(0, |right| count(&right))
}

fn collected(arguments: &[u64]) -> Outcome {
    let [depth, doubles] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut total = count(&make(&m, depth + 2));
    m.safepoint();
    let long = m.root(node(&m, None, None));
    populate(&m, depth, long.get(&m));
    let array = m.root(m.alloc_slice_with(doubles as usize, |i| 1.0 / (i + 1) as f64));
    m.safepoint();
    for each in (4..=depth).step_by(2) {
        for _ in 0..iterations(depth + 2, each) {
            let tree = node(&m, None, None);
            populate(&m, each, tree);
            total += count(&tree);
            m.safepoint();
        }
        for _ in 0..iterations(depth + 2, each) {
            total += count(&make(&m, each));
            m.safepoint();
        }
    }
    assert!(array.get(&m)[1000] > 0.0);
    Outcome::of(total + count(&long.get(&m)))
}

#[derive(Default)]
struct BoxNode {
    left: Option<Box<BoxNode>>,
    right: Option<Box<BoxNode>>,
    _numbers: [u32; 2],
}

fn boxes(arguments: &[u64]) -> Outcome {
    fn populate(depth: u64, at: &mut BoxNode) {
        if depth > 0 {
            let (left, right) = (at.left.insert(Box::default()), at.right.insert(Box::default()));
            populate(depth - 1, left);
            populate(depth - 1, right);
        }
    }
    fn make(depth: u64) -> Box<BoxNode> {
        if depth == 0 {
            return Box::default();
        }
        let (left, right) = (Some(make(depth - 1)), Some(make(depth - 1)));
        Box::new(BoxNode { left, right, _numbers: [0; 2] })
    }
    fn count(at: &BoxNode) -> u64 {
        1 + at.left.as_ref().map_or(0, |left| count(left)) + at.right.as_ref().map_or(0, |right| count(right))
    }
    fn top_down(depth: u64) -> Box<BoxNode> {
        let mut tree = Box::default();
        populate(depth, &mut tree);
        tree
    }
    let counted = |tree: Box<BoxNode>| count(&tree);
    play(arguments, |depth| counted(make(depth)), |depth| counted(top_down(depth)), top_down, |long| count(long))
}

#[derive(Default)]
struct ArenaNode<'a> {
    left: Cell<Option<&'a ArenaNode<'a>>>,
    right: Cell<Option<&'a ArenaNode<'a>>>,
    _numbers: [u32; 2],
}

fn arena(arguments: &[u64]) -> Outcome {
    fn populate<'a>(arena: &'a Bump, depth: u64, at: &ArenaNode<'a>) {
        if depth > 0 {
            let (left, right) = (&*arena.alloc(ArenaNode::default()), &*arena.alloc(ArenaNode::default()));
            at.left.set(Some(left));
            at.right.set(Some(right));
            populate(arena, depth - 1, left);
            populate(arena, depth - 1, right);
        }
    }
    fn make(arena: &Bump, depth: u64) -> &ArenaNode<'_> {
        if depth == 0 {
            return arena.alloc(ArenaNode::default());
        }
        let (left, right) = (Cell::new(Some(make(arena, depth - 1))), Cell::new(Some(make(arena, depth - 1))));
        arena.alloc(ArenaNode { left, right, _numbers: [0; 2] })
    }
    fn count(at: &ArenaNode) -> u64 {
        1 + at.left.get().map_or(0, count) + at.right.get().map_or(0, count)
    }
    fn top_down(arena: &Bump, depth: u64) -> &ArenaNode<'_> {
        let tree = arena.alloc(ArenaNode::default());
        populate(arena, depth, tree);
        tree
    }
    let [depth, doubles] = sizes(arguments);
    let mut arena = Bump::new();
    let mut total = count(make(&arena, depth + 2));
    arena.reset();
    let long_lived = Bump::new();
    let long = top_down(&long_lived, depth);
    let array: Vec<f64> = (0..doubles).map(|i| 1.0 / (i + 1) as f64).collect();
    for each in (4..=depth).step_by(2) {
        for _ in 0..iterations(depth + 2, each) {
            total += count(top_down(&arena, each));
            arena.reset();
        }
        for _ in 0..iterations(depth + 2, each) {
            total += count(make(&arena, each));
            arena.reset();
        }
    }
    assert!(array[1000] > 0.0);
    Outcome::of(total + count(long))
}
