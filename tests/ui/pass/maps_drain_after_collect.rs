//! The twin of `fail/maps_drain_after_collect.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::BTreeMap, Gc, Collect};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut root = m.root(BTreeMap::from([(1, m.alloc(1_u64)), (2, m.alloc(2))]));
    let mut taken = root.get_mut(&m).extract_if(.., |_, _| true);
    let first = taken.next().unwrap().1;
    
    assert_eq!(*first + *taken.next().unwrap().1, 3);
}
