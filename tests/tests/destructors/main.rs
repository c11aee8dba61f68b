//! Destructors run once, may do what any code may, and hold nobody up.

#![forbid(unsafe_code)]

mod across_threads;
mod liberties;
mod slow;
