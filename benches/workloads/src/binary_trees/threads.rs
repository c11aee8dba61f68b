//! `binary_trees_threads`: the trees are shared out among threads.

use bumpalo::Bump;
use gc_core::{Heap, Mutator, blocking};

use super::{arena, collected, depths, owned};
use crate::{
    Outcome, Program,
    owned::{Arcs, Boxes, Kind, Rcs},
    peers::dumpster,
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", |sizes| run_collected(sizes, |m, depth| collected::count(&collected::grow(m, depth)))),
    ("gc-core-calls", |sizes| {
        run_collected(sizes, |m, depth| collected::count(&collected::grow_polling(m, depth).get(m)))
    }),
    ("arena", run_arena),
    ("box", run_owned::<Boxes>),
    ("rc", run_owned::<Rcs>),
    ("arc", run_owned::<Arcs>),
    ("dumpster", dumpster::binary_trees_threads),
];

/// The trees of one of `threads` threads.
pub(crate) fn part(depth: u64, threads: u64, mut count: impl FnMut(u64) -> u64) -> u64 {
    depths(depth).map(|(each, iterations)| (0..iterations / threads).map(|_| count(each)).sum::<u64>()).sum()
}

/// The sum of what the threads return.
pub(crate) fn on_threads(threads: u64, run: impl Fn() -> u64 + Sync) -> u64 {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(&run)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).sum()
    })
}

fn run_collected(arguments: &[u64], count: fn(&mut Mutator, u64) -> u64) -> Outcome {
    let [depth, threads] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let counted = |m: &mut Mutator, depth| {
        let nodes = count(m, depth);
        m.safepoint();
        nodes
    };
    let first = counted(&mut m, depth + 1);
    let long = m.root(collected::grow(&m, depth));
    let total = blocking::scope(&mut m, |scope| {
        let heap = &heap;
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(move || {
                    let mut m = heap.attach().expect("a mutator");
                    part(depth, threads, |depth| {
                        let nodes = count(&mut m, depth);
                        m.safepoint();
                        nodes
                    })
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).sum::<u64>()
    });
    Outcome::of(first + total + collected::count(&long.get(&m)))
}

fn run_arena(arguments: &[u64]) -> Outcome {
    let [depth, threads] = sizes(arguments);
    let first = arena::count(arena::grow(&Bump::new(), depth + 1));
    let long_lived = Bump::new();
    let long = arena::grow(&long_lived, depth);
    let total = on_threads(threads, || {
        let mut arena = Bump::new();
        part(depth, threads, |depth| {
            let nodes = arena::count(arena::grow(&arena, depth));
            arena.reset();
            nodes
        })
    });
    Outcome::of(first + total + arena::count(long))
}

fn run_owned<K: Kind>(arguments: &[u64]) -> Outcome {
    let [depth, threads] = sizes(arguments);
    let count = |depth| owned::count::<K>(&owned::grow::<K>(depth));
    let first = count(depth + 1);
    let long = owned::grow::<K>(depth);
    let total = on_threads(threads, || part(depth, threads, count));
    Outcome::of(first + total + owned::count::<K>(&long))
}
