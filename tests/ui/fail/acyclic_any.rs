//! Nobody knows what is in there.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::any::Any;

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    any: Box<dyn Any + Send + Sync>,
    error: Box<dyn std::error::Error + Send + Sync>,
}

fn main() {}
