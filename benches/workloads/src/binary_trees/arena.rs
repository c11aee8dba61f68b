//! By an arena for each tree.

use bumpalo::Bump;

use super::play;
use crate::Outcome;

pub(super) struct Tree<'a> {
    children: Option<(&'a Tree<'a>, &'a Tree<'a>)>,
}

pub(super) fn grow(arena: &Bump, depth: u64) -> &Tree<'_> {
    let children = if depth == 0 { None } else { Some((grow(arena, depth - 1), grow(arena, depth - 1))) };
    arena.alloc(Tree { children })
}

pub(super) fn count(tree: &Tree) -> u64 {
    1 + tree.children.map_or(0, |(left, right)| count(left) + count(right))
}

pub(super) fn run(arguments: &[u64]) -> Outcome {
    let long_lived = Bump::new();
    let mut arena = Bump::new();
    let counted = |depth| {
        let nodes = count(grow(&arena, depth));
        arena.reset();
        nodes
    };
    play(arguments, counted, |depth| grow(&long_lived, depth), |long| count(long))
}
