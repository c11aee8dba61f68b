//! `allocate_and_die`: objects of three words that die at once.

use gc_benches::clock::sink;
use gc_core::{Heap, Trace};

use crate::{
    Outcome, Program,
    owned::{Arcs, Boxes, Kind, Rcs},
    peers::{bacon, boa, dumpster, gc_arena},
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", collected),
    ("arena", arena),
    ("box", owned::<Boxes>),
    ("rc", owned::<Rcs>),
    ("arc", owned::<Arcs>),
    ("gc-arena", gc_arena::allocate_and_die),
    ("dumpster", dumpster::allocate_and_die),
    ("boa_gc", boa::allocate_and_die),
    ("bacon_rajan_cc", bacon::allocate_and_die),
];

#[derive(Trace, Clone, Copy)]
struct Payload {
    words: [u64; 3],
}

fn collected(arguments: &[u64]) -> Outcome {
    let [count] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut sum = 0;
    for index in 0..count {
        let new = m.alloc(Payload { words: [index; 3] });
        sink(&raw const *new);
        sum += new.words[1];
        m.safepoint();
    }
    Outcome::of(sum)
}

fn owned<K: Kind>(arguments: &[u64]) -> Outcome {
    let [count] = sizes(arguments);
    let mut sum = 0;
    for index in 0..count {
        let new: K::To<Payload> = Payload { words: [index; 3] }.into();
        sink(&raw const *new);
        sum += new.words[1];
    }
    Outcome::of(sum)
}

/// What a user of an arena has to decide: it is emptied when it has 4 MiB.
fn arena(arguments: &[u64]) -> Outcome {
    let [count] = sizes(arguments);
    let mut arena = bumpalo::Bump::with_capacity(4 << 20);
    let mut sum = 0;
    for index in 0..count {
        let new = arena.alloc(Payload { words: [index; 3] });
        sink(&raw const *new);
        sum += new.words[1];
        if index % (1 << 17) == 0 {
            arena.reset();
        }
    }
    Outcome::of(sum)
}
