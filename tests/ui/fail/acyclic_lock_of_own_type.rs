//! A type of one's own in a lock: what is in it, the lock cannot tell.

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
    #[trace(skip)]
    profile: Mutex<Profile>,
}

fn main() {}
