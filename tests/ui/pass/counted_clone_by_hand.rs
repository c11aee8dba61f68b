//! The twin of `fail/counted_clone_by_hand.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::OnceLock;

use gc_core::{CloneContents, Counted, Trace};

static SHARED: OnceLock<Counted<Number>> = OnceLock::new();

#[derive(Trace)]
#[trace(acyclic)]
struct Number(u64);

impl Clone for Number {
    fn clone(&self) -> Self {
        Number(SHARED.get_or_init(|| Counted::new(Number(1))).0)
    }
}

fn main() {
    let mut number = Counted::new(Number(2));
    let same = number.clone();
    Counted::make_mut(&mut number).0 += 1;
    assert_eq!(same.0, 2);
}
