//! An assumed field is a leaf, whatever its parameter is.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{rc::Rc, sync::Arc};

use gc_core::{Acyclic, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node<T> {
    #[trace(assume_acyclic)]
    value: Box<T>,
}

fn counts<T: Acyclic>() {}

fn main() {
    counts::<Node<Rc<u64>>>();
}
