//! A root of it goes to any.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let weak = m.root(Gc::downgrade(m.alloc(7), &m));
    let other = || assert_eq!(weak.get(&heap.attach().unwrap()).id(), Some(1));
    m.blocked(|| std::thread::scope(|scope| scope.spawn(other).join()).unwrap());
}
