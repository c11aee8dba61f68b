//! The twin of `fail/acyclic_trait_object.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Acyclic, Trace};

trait Shape: Acyclic + Send + Sync {
    fn area(&self) -> f64;
}

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Scene {
    shapes: Vec<Box<dyn Shape>>,
}

fn main() {}
