//! The twin of `fail/bound_claims_sameness.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[trace(leaf(T), bound = "T: 'static + for<'x> Trace<At<'x> = T, Static = T>")]
struct Same<T>(T);

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(Same(1));
}
