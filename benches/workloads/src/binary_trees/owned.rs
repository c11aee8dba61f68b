//! By `Box`, `Rc` or `Arc`.

use super::play;
use crate::{Outcome, owned::Kind};

type Children<P> = Option<(P, P)>;

pub(super) struct Tree<K: Kind> {
    children: Children<K::To<Tree<K>>>,
}

pub(super) fn grow<K: Kind>(depth: u64) -> K::To<Tree<K>> {
    let children = if depth == 0 { None } else { Some((grow::<K>(depth - 1), grow::<K>(depth - 1))) };
    Tree { children }.into()
}

pub(super) fn count<K: Kind>(tree: &Tree<K>) -> u64 {
    1 + tree.children.as_ref().map_or(0, |(left, right)| count(left) + count(right))
}

pub(super) fn run<K: Kind>(arguments: &[u64]) -> Outcome {
    play(arguments, |depth| count::<K>(&grow::<K>(depth)), grow::<K>, |long| count::<K>(long))
}
