//! A map that was given up to std is not traced any more.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::collections::HashMap;

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let map = HashMap::from([(1, m.alloc(1_u64))]);
    m.alloc(map.into_std());
}
