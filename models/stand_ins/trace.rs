//! What the barrier needs of tracing. Visits in pieces are the production file.

use crate::object::{CellWord, EphemeronPair, PointerSlot};

#[path = "../../gc-core/src/trace/pieces.rs"]
pub(crate) mod pieces;

/// # Safety
///
/// None: no model traces by it.
pub(crate) unsafe trait Trace {
    type At<'a>;
    type Static;
    const HAS_CELL: bool;
    const HAS_GC: bool;
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V);
}

pub(crate) trait Visitor: sealed::Visitor {
    const MOVES: bool;
    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot);
    unsafe fn cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T);
    unsafe fn ephemeron(&mut self, pair: *mut EphemeronPair);
    fn elements(&mut self, len: usize, element: impl FnMut(&mut Self, usize));
    fn whole(&mut self, visit: impl FnMut(&mut Self));
}

pub(crate) mod sealed {
    pub(crate) trait Visitor {}
}
