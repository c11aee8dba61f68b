//! The content of a cell has the lifetime of the mutator it is borrowed with.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, GcCell, Mutator};

fn borrow<'gc>(m: &'gc Mutator, cell: &'gc GcCell<Vec<Gc<'static, u64>>>) -> usize {
    cell.borrow(m).len()
}

fn main() {}
