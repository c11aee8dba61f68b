//! Nor as what a panic carries.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [number]| {
        let kept = number.keep(m, m.alloc(1_u64));
        if *kept.get(m) == 2 {
            std::panic::panic_any(kept);
        }
    });
}
