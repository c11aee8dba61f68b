//! The twin of `fail/cell_static.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, GcCell, Mutator};

fn borrow<'gc>(m: &'gc Mutator, cell: &'gc GcCell<Vec<Gc<'gc, u64>>>) -> usize {
    cell.borrow(m).len()
}

fn main() {}
