//! A map whose pointers claim to live for ever, in a cell that others fill with some that do not.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::HashMap, Gc, GcCell, Collect};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cell: Gc<GcCell<HashMap<u32, Gc<'static, u64>>>> = m.alloc(GcCell::new(HashMap::new()));
    let root = m.root(cell);
    root.get(&m).borrow_mut(&m).insert(1, m.alloc(1));
    m.collect(Collect::Full);
}
