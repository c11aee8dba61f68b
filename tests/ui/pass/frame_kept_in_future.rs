//! The twin of `fail/frame_kept_in_future.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let future = m.frame(|m, [number]| {
        let kept = *number.keep(m, m.alloc(1_u64)).get(m);
        async move { kept }
    });
}
