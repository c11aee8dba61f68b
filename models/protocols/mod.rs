//! The models, one file a protocol; `loom` and `shuttle` run the same ones.

mod cell;
mod counted;
mod edge;
mod forwarding;
mod full;
mod live_count;
mod queue;
mod root_word;
mod safepoint;
mod snapshot;
mod team;
