//! The shape of GCBench (Ellis, Kovac, Boehm): trees to depth 16 top down and bottom up, a long-lived tree, an array of doubles.

use gc_benches::contest::{Contestant, Outcome, run};
use gc_core::{Gc, Heap, Mutator, Slot, Trace};

const STRETCH: u32 = 18;
const LONG: u32 = 16;
const MIN: u32 = 4;
const MAX: u32 = 16;
const DOUBLES: usize = 500_000;

const fn size(depth: u32) -> u64 {
    (1 << (depth + 1)) - 1
}

/// Trees of each depth: as many nodes at every depth.
const fn iterations(depth: u32) -> u64 {
    2 * size(STRETCH) / size(depth)
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

fn populate<'gc>(m: &'gc Mutator, depth: u32, at: Gc<'gc, Node<'gc>>) {
    if depth > 0 {
        let (left, right) = (node(m, None, None), node(m, None, None));
        at.left.set(m, Some(left));
        at.right.set(m, Some(right));
        populate(m, depth - 1, left);
        populate(m, depth - 1, right);
    }
}

fn make<'gc>(m: &'gc Mutator, depth: u32) -> Gc<'gc, Node<'gc>> {
    if depth == 0 { node(m, None, None) } else { node(m, Some(make(m, depth - 1)), Some(make(m, depth - 1))) }
}

fn count(at: &Node) -> u64 {
    1 + at.left.get().map_or(0, |left| count(&left)) + at.right.get().map_or(0, |right| count(&right))
}

fn ours() -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut total = count(&make(&m, STRETCH));
    m.safepoint();
    let long = m.root(node(&m, None, None));
    populate(&m, LONG, long.get(&m));
    let array = m.root(m.alloc_slice_with(DOUBLES, |i| 1.0 / (i + 1) as f64));
    m.safepoint();
    for depth in (MIN..=MAX).step_by(2) {
        for _ in 0..iterations(depth) {
            let tree = node(&m, None, None);
            populate(&m, depth, tree);
            total += count(&tree);
            m.safepoint();
        }
        for _ in 0..iterations(depth) {
            total += count(&make(&m, depth));
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

fn boxes() -> Outcome {
    fn populate(depth: u32, at: &mut BoxNode) {
        if depth > 0 {
            populate(depth - 1, at.left.insert(Box::default()));
            populate(depth - 1, at.right.insert(Box::default()));
        }
    }
    fn make(depth: u32) -> Box<BoxNode> {
        if depth == 0 {
            return Box::default();
        }
        let (left, right) = (Some(make(depth - 1)), Some(make(depth - 1)));
        Box::new(BoxNode { left, right, _numbers: [0; 2] })
    }
    fn count(at: &BoxNode) -> u64 {
        1 + at.left.as_ref().map_or(0, |left| count(left)) + at.right.as_ref().map_or(0, |right| count(right))
    }
    let mut total = count(&make(STRETCH));
    let mut long = BoxNode::default();
    populate(LONG, &mut long);
    let array: Vec<f64> = (0..DOUBLES).map(|i| 1.0 / (i + 1) as f64).collect();
    for depth in (MIN..=MAX).step_by(2) {
        for _ in 0..iterations(depth) {
            let mut tree = BoxNode::default();
            populate(depth, &mut tree);
            total += count(&tree);
        }
        for _ in 0..iterations(depth) {
            total += count(&make(depth));
        }
    }
    assert!(array[1000] > 0.0);
    Outcome::of(total + count(&long))
}

fn main() {
    run(
        "GCBench",
        &[
            Contestant { name: "box", run: boxes, at_most: None },
            Contestant { name: "gc-core", run: ours, at_most: Some((0.8, "box")) },
        ],
    );
}
