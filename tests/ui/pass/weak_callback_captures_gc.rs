//! It may own a root of another object.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let log = m.root(m.alloc_str("log"));
    m.on_death(m.alloc(7), move |m| assert_eq!(&*log.get(m), "log"));
    m.run_callbacks();
}
