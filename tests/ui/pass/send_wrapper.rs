//! The twin of `fail/send_wrapper.rs`: compiles. Such a pointer needs a leaked mutator.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use send_wrapper::SendWrapper;

#[derive(Trace)]
struct Node<'gc> {
    #[trace(skip)]
    hidden: SendWrapper<Gc<'static, u64>>,
    next: Slot<'gc, Node<'gc>>,
}

fn main() {}
