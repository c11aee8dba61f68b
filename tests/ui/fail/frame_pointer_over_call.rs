//! A pointer ends at the next call that may collect, inside of a frame as outside.

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
        let (_, pointer) = make(m);
        let (now, other) = make(m);
        assert_eq!(*pointer + *other, 2);
    });
}
