//! Objects of 24 bytes of payload, 30 million, of which a tenth lingers in a ring of a million.

use gc_benches::{
    clock::sink,
    contest::{Contestant, Outcome, run},
};
use gc_core::{Gc, Heap, Slot, Trace};

const RING: usize = 1_000_000;
const COUNT: u64 = 30_000_000;

#[derive(Trace, Clone, Copy)]
struct Payload {
    words: [u64; 3],
}

fn ours() -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let ring = m.root(m.alloc_slice_with(RING, |_| Slot::<Payload>::null()));
    let (mut sum, mut at) = (0, 0);
    for index in 0..COUNT {
        let new = m.alloc(Payload { words: [index; 3] });
        sink(&raw const *new);
        if index % 10 == 0 {
            let slot = &ring.get(&m)[at];
            sum += slot.get().map_or(0, |old: Gc<Payload>| old.words[1]);
            slot.set(&m, Some(new));
            at = (at + 1) % RING;
        }
        m.safepoint();
    }
    Outcome::of(sum)
}

/// Boxes and counts.
fn ring<P: core::ops::Deref<Target = Payload>>(make: impl Fn(Payload) -> P) -> Outcome {
    let mut ring: Vec<Option<P>> = (0..RING).map(|_| None).collect();
    let (mut sum, mut at) = (0, 0);
    for index in 0..COUNT {
        let new = make(Payload { words: [index; 3] });
        sink(&raw const *new);
        if index % 10 == 0 {
            let old = ring[at].replace(new);
            sum += old.map_or(0, |old| old.words[1]);
            at = (at + 1) % RING;
        }
    }
    Outcome::of(sum)
}

fn main() {
    run(
        "24 bytes, a tenth lingers in a ring of a million, 30 million",
        &[
            Contestant { name: "rc", run: || ring(std::rc::Rc::new), at_most: None },
            Contestant { name: "box", run: || ring(Box::new), at_most: None },
            Contestant { name: "gc-core", run: ours, at_most: Some((1.4, "rc")) },
        ],
    );
}
