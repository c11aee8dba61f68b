//! Nor in generic code, whose bound says so.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Trace, Traced};

fn alloc<'gc, T: Trace + 'gc>(m: &'gc Mutator, value: T) -> Gc<'gc, T> {
    m.alloc(value)
}

fn alloc_traced<'gc, T: Trace + 'gc>(m: &'gc Mutator, value: T) -> Gc<'gc, T> {
    traced(m, value)
}

fn untraced<'gc, T>(m: &'gc Mutator, value: T) -> Gc<'gc, T> {
    traced(m, value)
}

fn traced<'gc, T: Traced<'gc>>(m: &'gc Mutator, value: T) -> Gc<'gc, T> {
    m.alloc(value)
}

fn main() {}
