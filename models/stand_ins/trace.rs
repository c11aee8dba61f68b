//! What the barrier needs of tracing.

use crate::object::{CellWord, PointerSlot};

pub(crate) trait Trace {}

pub(crate) trait Visitor: sealed::Visitor {
    const MOVES: bool;
    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot);
    unsafe fn cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T);
}

pub(crate) mod sealed {
    pub(crate) trait Visitor {}
}
