//! A `bound` by which a parameter is the same under every lifetime: so a pointer is none of what it may be.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[trace(leaf(T), bound = "T: 'static + for<'x> Trace<At<'x> = T, Static = T>")]
struct Same<T>(T);

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(Same(m.alloc(1)));
}
