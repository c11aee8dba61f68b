//! `MaybeUninit`: the collector cannot know whether there is a pointer.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::mem::MaybeUninit;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: MaybeUninit<Gc<'gc, Node<'gc>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
