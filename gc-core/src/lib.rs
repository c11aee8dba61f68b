//! A safe, moving, generational garbage collector.

extern crate self as gc_core;

mod barrier;
pub mod blocking;
mod cell;
mod collector;
mod gc;
mod heap;
mod memory;
mod mutator;
mod old;
mod root;
mod safepoint;
mod slot;
mod sync;
mod trace;
mod young;

pub use cell::{GcCell, GcCellMut, GcCellRef};
pub use collector::{
    BuildError, Cause, CollectReport, Counts, Event, Generation, Histogram, Level, ParseStressError, Stats, Stress,
    Thresholds,
};
pub use gc::Gc;
pub use gc_derive::Trace;
pub use heap::{Heap, HeapBuilder};
pub use mutator::{AllocError, AttachError, Mutator};
pub use root::Root;
pub use slot::Slot;
#[doc(hidden)]
pub use trace::__private;
pub use trace::{Leaf, Object, Trace, Visitor};
