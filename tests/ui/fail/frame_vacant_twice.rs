//! The room of a frame holds one pointer, of one type.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [number]| {
        let one = number.keep(m, m.alloc(1_u64));
        let other = number.keep(m, m.alloc_str("other"));
        assert_eq!(*one.get(m), 1);
    });
}
