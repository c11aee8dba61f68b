//! What the barrier knows of tracing.

use crate::object::{CellWord, Edge};

pub(crate) trait Trace {}

pub(crate) trait Visitor: sealed::Visitor {
    const MOVES: bool;
    unsafe fn edge(&mut self, edge: *mut Edge);
    unsafe fn cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T);
}

pub(crate) mod sealed {
    pub(crate) trait Visitor {}
}
