//! What is kept in a frame does not leave it by a variable outside.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut outside = None;
    m.frame(|m, [number]| outside = Some(number.keep(m, m.alloc(1_u64))));
    m.frame(|m, [_other]| assert_eq!(*outside.unwrap().get(m), 1));
}
