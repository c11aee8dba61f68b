//! A `GcCell` in a map in a vector. A post-monomorphization error: shows when the program is built.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::BTreeMap, GcCell};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(vec![BTreeMap::from([(1, GcCell::new(1))])]);
}
