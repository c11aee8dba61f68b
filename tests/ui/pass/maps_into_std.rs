//! The twin of `fail/maps_into_std.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::collections::HashMap;

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let map = HashMap::from([(1, m.alloc(1_u64))]);
    m.alloc(map);
}
