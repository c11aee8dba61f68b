//! By gc-core: a safepoint after each tree, or at each call, with roots or in frames of roots.

use gc_core::{Gc, Heap, Mutator, Root, Trace};

use super::depths;
use crate::{Outcome, workload::sizes};

#[derive(Trace)]
pub(super) struct Tree<'gc> {
    children: Option<(Gc<'gc, Tree<'gc>>, Gc<'gc, Tree<'gc>>)>,
}

pub(super) fn grow<'gc>(m: &'gc Mutator, depth: u64) -> Gc<'gc, Tree<'gc>> {
    let children = if depth == 0 { None } else { Some((grow(m, depth - 1), grow(m, depth - 1))) };
    m.alloc(Tree { children })
}

/// With a safepoint at every call, and so a root for each child.
pub(super) fn grow_polling(m: &mut Mutator, depth: u64) -> Root<Gc<'static, Tree<'static>>> {
    m.safepoint();
    if depth == 0 {
        return m.root(m.alloc(Tree { children: None }));
    }
    let left = grow_polling(m, depth - 1);
    let right = grow_polling(m, depth - 1);
    m.root(m.alloc(Tree { children: Some((left.get(m), right.get(m))) }))
}

/// The same with frames of roots.
fn grow_in_frames<'gc>(m: &'gc mut Mutator, depth: u64) -> (&'gc Mutator, Gc<'gc, Tree<'gc>>) {
    m.safepoint();
    if depth == 0 {
        return (m, m.alloc(Tree { children: None }));
    }
    m.frame(|m, [left]| {
        let (now, tree) = grow_in_frames(m, depth - 1);
        let left = left.keep(now, tree);
        let (now, right) = grow_in_frames(m, depth - 1);
        (now, now.alloc(Tree { children: Some((left.get(now), right)) }))
    })
}

pub(super) fn count(tree: &Tree) -> u64 {
    1 + tree.children.map_or(0, |(left, right)| count(&left) + count(&right))
}

pub(super) fn run(arguments: &[u64]) -> Outcome {
    let [depth] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut total = count(&grow(&m, depth + 1));
    m.safepoint();
    let long = m.root(grow(&m, depth));
    for (depth, iterations) in depths(depth) {
        for _ in 0..iterations {
            total += count(&grow(&m, depth));
            m.safepoint();
        }
    }
    Outcome::of(total + count(&long.get(&m)))
}

pub(super) fn run_calls(arguments: &[u64]) -> Outcome {
    let [depth] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let m = &mut heap.attach().expect("the only mutator");
    let mut total = count(&grow_polling(m, depth + 1).get(m));
    let long = grow_polling(m, depth);
    for (depth, iterations) in depths(depth) {
        for _ in 0..iterations {
            total += count(&grow_polling(m, depth).get(m));
        }
    }
    Outcome::of(total + count(&long.get(m)))
}

pub(super) fn run_frames(arguments: &[u64]) -> Outcome {
    let [depth] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let m = &mut heap.attach().expect("the only mutator");
    let mut total = count(&grow_in_frames(m, depth + 1).1);
    m.frame(|m, [long]| {
        let (now, tree) = grow_in_frames(m, depth);
        let long = long.keep(now, tree);
        for (depth, iterations) in depths(depth) {
            for _ in 0..iterations {
                total += count(&grow_in_frames(m, depth).1);
            }
        }
        Outcome::of(total + count(&long.get(m)))
    })
}
