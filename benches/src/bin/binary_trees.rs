//! Binary trees, depth 18: 68 million nodes that die by the tree. `binary_trees [--check] [--rounds N] [CONTESTANT…]`

use bumpalo::Bump;
use gc_benches::contest::{Contestant, Outcome, run};
use gc_core::{Gc, Heap, Mutator, Root, Trace};

const DEPTH: u32 = 18;

#[derive(Trace)]
struct Tree<'gc> {
    children: Option<(Gc<'gc, Tree<'gc>>, Gc<'gc, Tree<'gc>>)>,
}

fn grow<'gc>(m: &'gc Mutator, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let children = if depth == 0 { None } else { Some((grow(m, depth - 1), grow(m, depth - 1))) };
    m.alloc(Tree { children })
}

/// With a safepoint at every call, and so a root for each child.
fn grow_polling(m: &mut Mutator, depth: u32) -> Root<Gc<'static, Tree<'static>>> {
    m.safepoint();
    if depth == 0 {
        return m.root(m.alloc(Tree { children: None }));
    }
    let left = grow_polling(m, depth - 1);
    let right = grow_polling(m, depth - 1);
    m.root(m.alloc(Tree { children: Some((left.get(m), right.get(m))) }))
}

fn count(tree: &Tree) -> u64 {
    1 + tree.children.map_or(0, |(left, right)| count(&left) + count(&right))
}

fn ours() -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut total = count(&grow(&m, DEPTH + 1));
    m.safepoint();
    let long = m.root(grow(&m, DEPTH));
    for depth in (4..=DEPTH).step_by(2) {
        for _ in 0..1 << (DEPTH - depth + 4) {
            total += count(&grow(&m, depth));
            m.safepoint();
        }
    }
    Outcome::of(total + count(&long.get(&m)))
}

fn ours_polling() -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let m = &mut heap.attach().expect("the only mutator");
    let mut total = count(&grow_polling(m, DEPTH + 1).get(m));
    let long = grow_polling(m, DEPTH);
    for depth in (4..=DEPTH).step_by(2) {
        for _ in 0..1 << (DEPTH - depth + 4) {
            total += count(&grow_polling(m, depth).get(m));
        }
    }
    Outcome::of(total + count(&long.get(m)))
}

struct BoxTree {
    children: Option<(Box<BoxTree>, Box<BoxTree>)>,
}

fn boxes() -> Outcome {
    fn grow(depth: u32) -> Box<BoxTree> {
        let children = if depth == 0 { None } else { Some((grow(depth - 1), grow(depth - 1))) };
        Box::new(BoxTree { children })
    }
    fn count(tree: &BoxTree) -> u64 {
        1 + tree.children.as_ref().map_or(0, |(left, right)| count(left) + count(right))
    }
    let mut total = count(&grow(DEPTH + 1));
    let long = grow(DEPTH);
    for depth in (4..=DEPTH).step_by(2) {
        for _ in 0..1 << (DEPTH - depth + 4) {
            total += count(&grow(depth));
        }
    }
    Outcome::of(total + count(&long))
}

struct ArenaTree<'a> {
    children: Option<(&'a ArenaTree<'a>, &'a ArenaTree<'a>)>,
}

fn arena() -> Outcome {
    fn grow(arena: &Bump, depth: u32) -> &ArenaTree<'_> {
        let children = if depth == 0 { None } else { Some((grow(arena, depth - 1), grow(arena, depth - 1))) };
        arena.alloc(ArenaTree { children })
    }
    fn count(tree: &ArenaTree) -> u64 {
        1 + tree.children.map_or(0, |(left, right)| count(left) + count(right))
    }
    let mut total = count(grow(&Bump::new(), DEPTH + 1));
    let long_lived = Bump::new();
    let long = grow(&long_lived, DEPTH);
    let mut arena = Bump::new();
    for depth in (4..=DEPTH).step_by(2) {
        for _ in 0..1 << (DEPTH - depth + 4) {
            total += count(grow(&arena, depth));
            arena.reset();
        }
    }
    Outcome::of(total + count(long))
}

fn main() {
    run(
        "binary trees, depth 18",
        &[
            Contestant { name: "arena", run: arena, at_most: None },
            Contestant { name: "box", run: boxes, at_most: None },
            Contestant { name: "gc-core", run: ours, at_most: Some((0.6, "box")) },
            Contestant { name: "gc-core-polling", run: ours_polling, at_most: None },
        ],
    );
}
