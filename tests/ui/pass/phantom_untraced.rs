//! The twin of `fail/phantom_untraced.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{marker::PhantomData, rc::Rc};

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Gc<'gc, u64>,
    marker: PhantomData<Gc<'gc, u64>>,
}

fn main() {}
