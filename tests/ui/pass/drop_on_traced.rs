//! The twin of `fail/drop_on_traced.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
}

#[derive(Trace)]
#[trace(leaf)]
struct File(u32);

impl Drop for File {
    fn drop(&mut self) {}
}

fn main() {}
