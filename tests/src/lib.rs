//! What the tests of `gc-core` share: heaps to test on, destructors that count, and the model of the heap.
//!
//! The tests are in `tests/`, named for what a user relies on. Nothing here or there needs `unsafe`: what they break, any
//! program can break.

#![forbid(unsafe_code)]

pub mod collectors;
pub mod forks;
pub mod hashers;
pub mod heaps;
pub mod hostile;
pub mod ledger;
pub mod linearizable;
pub mod markers;
pub mod model;
pub mod process;
pub mod random;
pub mod runs;
pub mod sizes;

/// What a test that starts threads and returns boxed errors returns.
pub type Tested = Result<(), Box<dyn std::error::Error>>;
