//! The twin of `fail/slot_shrinks.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Slot};

fn store<'gc>(m: &'gc Mutator, slot: &Slot<'gc, u64>, value: Gc<'gc, u64>) {
    slot.set(m, Some(value));
}

fn main() {}
