//! Cells of std in which a `Counted` could be put.

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
    cell: Cell<Option<Counted<Node>>>,
    ref_cell: RefCell<Option<Counted<Node>>>,
    once_cell: OnceCell<Counted<Node>>,
    rc: Rc<RefCell<Option<Counted<Node>>>>,
}

fn main() {}
