//! The twin of `fail/frame_kept_outside.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut outside = None;
    m.frame(|m, [number]| outside = Some(*number.keep(m, m.alloc(1_u64)).get(m)));
    m.frame(|m, [_other]: [_; 1]| assert_eq!(outside.unwrap(), 1));
}
