//! The twin of `built/maps_of_cells.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::BTreeMap, GcCell};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(vec![BTreeMap::from([(1, m.alloc(GcCell::new(1)))])]);
}
