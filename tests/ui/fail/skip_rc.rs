//! A skipped field is dropped on another thread: not an `Rc`.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::rc::Rc;
use std::sync::Arc;

use gc_core::Trace;

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    name: Rc<str>,
}

fn main() {}
