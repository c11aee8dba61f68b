//! A function that reaches a safepoint returns a `Root`.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator};

fn compute<'gc>(m: &'gc mut Mutator) -> Gc<'gc, u64> {
    let value = m.alloc(1_u64);
    m.safepoint();
    value
}

fn main() {}
