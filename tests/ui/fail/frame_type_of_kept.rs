//! What is kept is read as what it was.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::{Gc, Heap, Kept};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [one]| {
        let kept: Kept<'_, Gc<'static, [u64; 2]>> = one.keep(m, m.alloc(1_u64));
    });
}
