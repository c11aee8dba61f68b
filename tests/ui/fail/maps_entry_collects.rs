//! A closure that fills an entry cannot collect: the map in the middle of a change is borrowed of the mutator.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::HashMap, Gc, Collect};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut root = m.root(HashMap::<u32, Gc<u64>>::new());
    root.get_mut(&m).entry(1).or_insert_with(|| {
        m.collect(Collect::Full);
        m.alloc(1)
    });
    m.safepoint();
}
