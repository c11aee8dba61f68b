//! A window of 200 000 messages of 1 KiB, 1 million pushes. A step is a push.

use std::time::Instant;

use gc_benches::{
    clock::Steps,
    contest::{Contestant, Outcome, run},
};
use gc_core::{Heap, Slot};

const WINDOW: usize = 200_000;
const PUSHES: usize = 1_000_000;

fn ours() -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let window = m.root(m.alloc_slice_with(WINDOW, |_| Slot::<[u8; 1024]>::null()));
    let mut steps = Steps::with_capacity(PUSHES);
    let mut sum = 0;
    for push in 0..PUSHES {
        let start = Instant::now();
        let slot = &window.get(&m)[push % WINDOW];
        sum += slot.get().map_or(0, |old| u64::from(old[17]));
        slot.set(&m, Some(m.alloc([push as u8; 1024])));
        m.safepoint();
        steps.push(start.elapsed());
    }
    Outcome { checksum: sum, steps: Some(steps) }
}

fn boxes() -> Outcome {
    let mut window: Vec<Option<Box<[u8; 1024]>>> = (0..WINDOW).map(|_| None).collect();
    let mut steps = Steps::with_capacity(PUSHES);
    let mut sum = 0;
    for push in 0..PUSHES {
        let start = Instant::now();
        let old = window[push % WINDOW].replace(Box::new([push as u8; 1024]));
        sum += old.map_or(0, |old| u64::from(old[17]));
        steps.push(start.elapsed());
    }
    Outcome { checksum: sum, steps: Some(steps) }
}

fn main() {
    run(
        "message window",
        &[
            Contestant { name: "box", run: boxes, at_most: None },
            Contestant { name: "gc-core", run: ours, at_most: Some((2.0, "box")) },
        ],
    );
}
