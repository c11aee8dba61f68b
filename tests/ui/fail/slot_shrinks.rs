//! A `Slot` is invariant: it does not take a pointer that lives for less long.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Slot};

fn store<'long, 'short>(m: &'short Mutator, slot: &Slot<'long, u64>, value: Gc<'short, u64>) {
    slot.set(m, Some(value));
}

fn main() {}
