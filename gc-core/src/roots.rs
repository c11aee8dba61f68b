//! Roots: the values that programs keep across safepoints.

mod live_count;
mod root_word;
mod table;

pub(crate) use table::{BoxedValue, HeapHandle, Owner, RootRef, RootTable};
