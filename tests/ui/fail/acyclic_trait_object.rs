//! Anything may be behind a trait object, but for a trait whose implementors are all acyclic.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Acyclic, Trace};

trait Shape: Send + Sync {
    fn area(&self) -> f64;
}

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Scene {
    shapes: Vec<Box<dyn Shape>>,
}

fn main() {}
