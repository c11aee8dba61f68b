//! A callback outlives the safepoints before it: it cannot capture a pointer.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let log = m.alloc_str("log");
    m.on_death(m.alloc(7), move |_| assert_eq!(&*log, "log"));
    m.run_callbacks();
}
