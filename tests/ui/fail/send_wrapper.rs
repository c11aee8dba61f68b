//! A pointer behind another crate's word that it may be sent: no leaf, unless it lives for ever.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use send_wrapper::SendWrapper;

#[derive(Trace)]
struct Node<'gc> {
    #[trace(skip)]
    hidden: SendWrapper<Gc<'gc, u64>>,
    next: Slot<'gc, Node<'gc>>,
}

fn main() {}
