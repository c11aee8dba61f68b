//! A value that a death brings goes from the collecting thread to the one that takes it.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{rc::Rc, sync::Arc};

use gc_core::{Heap, ReferenceQueue};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let dead = ReferenceQueue::new(&heap);
    dead.watch(&m, m.alloc(7), Rc::new("seven"));
}
