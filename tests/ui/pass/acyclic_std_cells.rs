//! The twin of `fail/acyclic_std_cells.rs`: compiles.

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
    counts::<Vec<Option<Arc<u64>>>>();
    counts::<Vec<Option<Arc<u64>>>>();
    counts::<Option<Arc<u64>>>();
    counts::<Arc<Vec<Option<Arc<u64>>>>>();
}
