//! The twin of `fail/counted_trait_object.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Arc;

use gc_core::{__private::NotInStdCounts, Trace};

#[derive(Trace)]
struct Holder {
    held: Option<Arc<dyn Send + Sync>>,
}

fn main() {}
