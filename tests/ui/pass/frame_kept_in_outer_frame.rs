//! The twin of `fail/frame_kept_in_outer_frame.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::{Gc, Heap, Kept};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [number]| {
        let number = number.keep(m, m.alloc(1_u64));
        m.frame(|m, [inner]| number.set(m, inner.keep(m, m.alloc(2_u64)).get(m)));
        assert_eq!(*number.get(m), 2);
    });
}
