//! The twin of `fail/skip_rc.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::rc::Rc;
use std::sync::Arc;

use gc_core::Trace;

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    name: Arc<str>,
}

fn main() {}
