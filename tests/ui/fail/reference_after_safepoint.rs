//! A reference into an object ends with the pointer.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let pair = m.alloc((1_u64, String::from("two")));
    let text: &str = &pair.1;
    m.safepoint();
    assert_eq!(text, "two");
}
