//! Cells of std, and what is counted on one thread only.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::Arc,
};

use gc_core::Acyclic;

fn counts<T: Acyclic>() {}

fn main() {
    counts::<Cell<Option<Arc<u64>>>>();
    counts::<RefCell<Option<Arc<u64>>>>();
    counts::<OnceCell<Arc<u64>>>();
    counts::<Rc<RefCell<Option<Arc<u64>>>>>();
}
