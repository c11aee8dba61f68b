//! Roots: the values that programs keep across safepoints.

pub(crate) mod aside;
mod live_count;
mod root_word;
mod table;

pub(crate) use table::{BoxedValue, HeapHandle, Owner, RootRef, RootTable};
