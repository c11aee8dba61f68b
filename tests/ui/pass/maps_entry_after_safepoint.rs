//! The twin of `fail/maps_entry_after_safepoint.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::HashMap, Gc};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut root = m.root(HashMap::from([(1, m.alloc(1_u64))]));
    let entry = root.get_mut(&m).entry(1);
    
    assert_eq!(entry.key(), &1);
    m.safepoint();
}
