//! And so no pointer is used in there.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    m.blocked(|| assert_eq!(*value, 1));
}
