//! Threads: mutators come, go, wait, block and are late, and nobody waits for ever.

#![forbid(unsafe_code)]

mod attach;
mod blocked;
mod crossing;
mod crowds;
mod due;
mod exit;
mod floor;
mod forgotten;
mod given_up;
mod late;
mod led_by_another;
mod life;
mod locals;
mod places;
mod quiet;
mod remembered;
mod requests;
mod settings;
mod shared_graph;
mod short_lived;
mod starvation;
mod storm;
