//! The twin of `fail/acyclic_lock_of_own_type.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Mutex;

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Profile {
    calls: u64,
}

#[derive(Trace)]
#[trace(acyclic)]
struct Code {
    #[trace(skip, assume_acyclic)]
    profile: Mutex<Profile>,
}

fn main() {}
