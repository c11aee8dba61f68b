//! The twin of `fail/counted_cells.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::Arc,
};

use gc_core::{Counted, Trace};

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Node {
    cell: Vec<Option<Counted<Node>>>,
    ref_cell: Vec<Option<Counted<Node>>>,
    once_cell: Option<Counted<Node>>,
    rc: Arc<Vec<Option<Counted<Node>>>>,
}

fn main() {}
