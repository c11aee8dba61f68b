//! The twin of `fail/return_across_safepoint.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Root};

fn compute(m: &mut Mutator) -> Root<Gc<'static, u64>> {
    let value = m.root(m.alloc(1_u64));
    m.safepoint();
    value
}

fn main() {}
