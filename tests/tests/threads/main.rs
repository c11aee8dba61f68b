//! Threads: mutators come, go, wait, block and are late, and nobody waits for ever.

#![forbid(unsafe_code)]

mod attach;
mod blocked;
mod coroutines;
mod crossing;
mod crowds;
mod dormant;
mod dormant_storm;
mod due;
mod entered;
mod entered_ends;
mod entered_nested;
mod exit;
mod exit_kept;
mod floor;
mod forgotten;
mod given_up;
mod late;
mod led_by_another;
mod lent;
mod life;
mod locals;
mod parked;
mod parked_elsewhere;
mod places;
mod quiet;
mod remembered;
mod requests;
mod scopes;
mod settings;
mod shared_graph;
mod short_lived;
mod starvation;
mod storm;
