//! A thread-local would keep a pointer across safepoints.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::cell::Cell;

use gc_core::{Gc, Mutator};

thread_local! {
    static KEPT: Cell<Option<Gc<'static, u64>>> = const { Cell::new(None) };
}

fn keep(m: &Mutator) {
    KEPT.set(Some(m.alloc(1)));
}

fn main() {}
