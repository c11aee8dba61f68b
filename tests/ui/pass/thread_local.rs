//! The twin of `fail/thread_local.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::cell::RefCell;

use gc_core::{Gc, Mutator, Root};

thread_local! {
    static KEPT: RefCell<Option<Root<Gc<'static, u64>>>> = const { RefCell::new(None) };
}

fn keep(m: &Mutator) {
    KEPT.set(Some(m.root(m.alloc(1_u64))));
}

fn main() {}
