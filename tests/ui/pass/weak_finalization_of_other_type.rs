//! One for each type.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{FinalizationQueue, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let queue = FinalizationQueue::<u64>::new(&heap);
    queue.register(&m, m.alloc(7_u64));
    let texts = FinalizationQueue::<str>::new(&heap);
    texts.register(&m, m.alloc_str("seven"));
}
