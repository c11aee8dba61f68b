//! A derived type with a `Slot`, in a `Vec`: the field is named where the type is defined.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Slot, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<'gc, Node<'gc>>,
}

#[derive(Trace)]
struct Graph<'gc> {
    nodes: Vec<Node<'gc>>,
}

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(Graph { nodes: vec![Node { next: Slot::null() }] });
}
