//! The twin of `fail/frame_pointer_over_call.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::{Gc, Heap, Mutator};

fn make<'gc>(m: &'gc mut Mutator) -> (&'gc Mutator, Gc<'gc, u64>) {
    m.safepoint();
    (m, m.alloc(1))
}

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [one]| {
        let (now, pointer) = make(m);
        let one = one.keep(now, pointer);
        let (now, other) = make(m);
        assert_eq!(*one.get(now) + *other, 2);
    });
}
