//! `binary_trees`: the Benchmarks Game's.

pub(crate) mod arena;
pub(crate) mod collected;
pub(crate) mod owned;
pub(crate) mod threads;

use crate::{
    Outcome, Program,
    owned::{Arcs, Boxes, Rcs},
    peers::{bacon, boa, dumpster, gc_arena},
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", collected::run),
    ("gc-core-calls", collected::run_calls),
    ("gc-core-frames", collected::run_frames),
    ("arena", arena::run),
    ("box", owned::run::<Boxes>),
    ("rc", owned::run::<Rcs>),
    ("arc", owned::run::<Arcs>),
    ("gc-arena", gc_arena::binary_trees),
    ("dumpster", dumpster::binary_trees),
    ("boa_gc", boa::binary_trees),
    ("bacon_rajan_cc", bacon::binary_trees),
];

/// The depths of the trees that are made again and again, with how often.
fn depths(depth: u64) -> impl Iterator<Item = (u64, u64)> {
    (4..=depth).step_by(2).map(move |each| (each, 1 << (depth - each + 4)))
}

/// The rules. `count` makes a tree of a depth, counts its nodes, and lets it go; `long` makes the tree that lives long.
pub(crate) fn play<L>(
    arguments: &[u64],
    mut count: impl FnMut(u64) -> u64,
    long: impl FnOnce(u64) -> L,
    count_long: impl FnOnce(&L) -> u64,
) -> Outcome {
    let [depth] = sizes(arguments);
    let mut total = count(depth + 1);
    let long = long(depth);
    for (depth, iterations) in depths(depth) {
        total += (0..iterations).map(|_| count(depth)).sum::<u64>();
    }
    Outcome::of(total + count_long(&long))
}
