//! The twin of `fail/maps_static.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::HashMap, Gc, GcCell, Collect};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cell: Gc<GcCell<HashMap<u32, Gc<'_, u64>>>> = m.alloc(GcCell::new(HashMap::new()));
    let root = m.root(cell);
    root.get(&m).borrow_mut(&m).insert(1, m.alloc(1));
    m.collect(Collect::Full);
}
