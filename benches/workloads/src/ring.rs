//! `ring`: objects of three words, of which a tenth lingers in a ring.

use gc_benches::clock::sink;
use gc_core::{Gc, Heap, Slot, Trace};

use crate::{
    Outcome, Program,
    owned::{Arcs, Boxes, Kind, Rcs},
    peers::{bacon, boa, dumpster, gc_arena},
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", collected),
    ("box", owned::<Boxes>),
    ("rc", owned::<Rcs>),
    ("arc", owned::<Arcs>),
    ("gc-arena", gc_arena::ring),
    ("dumpster", dumpster::ring),
    ("boa_gc", boa::ring),
    ("bacon_rajan_cc", bacon::ring),
];

#[derive(Trace, Clone, Copy)]
struct Payload {
    words: [u64; 3],
}

fn collected(arguments: &[u64]) -> Outcome {
    let [count, places] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let ring = m.root(m.alloc_slice_with(places as usize, |_| Slot::<Payload>::null()));
    let (mut sum, mut at) = (0, 0);
    for index in 0..count {
        let new = m.alloc(Payload { words: [index; 3] });
        sink(&raw const *new);
        if index % 10 == 0 {
            let slot = &ring.get(&m)[at];
            sum += slot.get().map_or(0, |old: Gc<Payload>| old.words[1]);
            slot.set(&m, Some(new));
            at = (at + 1) % places as usize;
        }
        m.safepoint();
    }
    Outcome::of(sum)
}

fn owned<K: Kind>(arguments: &[u64]) -> Outcome {
    let [count, places] = sizes(arguments);
    let mut ring: Vec<Option<K::To<Payload>>> = (0..places).map(|_| None).collect();
    let (mut sum, mut at) = (0, 0);
    for index in 0..count {
        let new: K::To<Payload> = Payload { words: [index; 3] }.into();
        sink(&raw const *new);
        if index % 10 == 0 {
            let old = ring[at].replace(new);
            sum += old.map_or(0, |old| old.words[1]);
            at = (at + 1) % places as usize;
        }
    }
    Outcome::of(sum)
}
