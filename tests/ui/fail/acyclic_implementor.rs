//! An implementor of a trait that asks for it.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, OnceLock};

use gc_core::{Acyclic, Trace};

trait Shape: Acyclic {}

struct Square {
    next: OnceLock<Arc<dyn Shape>>,
}

impl Shape for Square {}

fn main() {}
