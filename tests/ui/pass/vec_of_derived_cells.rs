//! The twin of `fail/vec_of_derived_cells.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Slot, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<'gc, Node<'gc>>,
}

#[derive(Trace)]
struct Graph<'gc> {
    nodes: Vec<Gc<'gc, Node<'gc>>>,
}

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(Graph { nodes: vec![m.alloc(Node { next: Slot::null() })] });
}
