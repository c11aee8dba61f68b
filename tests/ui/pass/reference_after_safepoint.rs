//! The twin of `fail/reference_after_safepoint.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let pair = m.alloc((1_u64, String::from("two")));
    let text: String = pair.1.clone();
    m.safepoint();
    assert_eq!(text, "two");
}
