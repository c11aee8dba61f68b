//! A ordered map of std may not list what it holds after a panic in it: the collector cannot look into one.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::collections::BTreeMap;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: BTreeMap<u32, Vec<Gc<'gc, u64>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
