//! A hash map of std may not list what it holds after a panic in it: the collector cannot look into one.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::collections::HashMap;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: HashMap<String, Gc<'gc, u64>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
