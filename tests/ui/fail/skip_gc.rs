//! A skipped field may not hide a pointer from the collector.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    #[trace(skip)]
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
