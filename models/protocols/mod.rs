//! The models, one file a protocol; `loom` and `shuttle` run the same ones.

mod cell;
mod live_count;
mod safepoint;
