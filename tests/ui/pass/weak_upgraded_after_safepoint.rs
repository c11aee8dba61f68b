//! It is upgraded again.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let object = m.root(m.alloc(7));
    let weak = m.root(Gc::downgrade(object.get(&m), &m));
    assert!(weak.get(&m).upgrade(&m).is_some());
    m.safepoint();
    let found = weak.get(&m).upgrade(&m);
    assert_eq!(found.as_deref(), Some(&7));
}
