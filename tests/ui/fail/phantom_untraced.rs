//! `PhantomData` of a type that is not traced: a lifetime in it would not follow.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{marker::PhantomData, rc::Rc};

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Gc<'gc, u64>,
    marker: PhantomData<Rc<u64>>,
}

fn main() {}
