//! Objects of 24 bytes of payload, 100 million, that die at once.

use gc_benches::{
    clock::sink,
    contest::{Contestant, Outcome, run},
};
use gc_core::{Heap, Trace};

const COUNT: u64 = 100_000_000;

#[derive(Trace, Clone, Copy)]
struct Payload {
    words: [u64; 3],
}

fn ours() -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut sum = 0;
    for index in 0..COUNT {
        let new = m.alloc(Payload { words: [index; 3] });
        sink(&raw const *new);
        sum += new.words[1];
        m.safepoint();
    }
    Outcome::of(sum)
}

fn boxes() -> Outcome {
    let mut sum = 0;
    for index in 0..COUNT {
        let new = Box::new(Payload { words: [index; 3] });
        sink(&raw const *new);
        sum += new.words[1];
    }
    Outcome::of(sum)
}

fn arena() -> Outcome {
    let mut arena = bumpalo::Bump::with_capacity(4 << 20);
    let mut sum = 0;
    for index in 0..COUNT {
        let new = arena.alloc(Payload { words: [index; 3] });
        sink(&raw const *new);
        sum += new.words[1];
        if index % (1 << 17) == 0 {
            arena.reset();
        }
    }
    Outcome::of(sum)
}

fn main() {
    run(
        "24 bytes that die at once, 100 million",
        &[
            Contestant { name: "arena", run: arena, at_most: None },
            Contestant { name: "box", run: boxes, at_most: None },
            Contestant { name: "gc-core", run: ours, at_most: Some((1.0, "box")) },
        ],
    );
}
