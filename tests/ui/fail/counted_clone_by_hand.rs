//! How `make_mut` clones is not the user's: it could give a reference that is not the only one.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::OnceLock;

use gc_core::{CloneContents, Counted, Trace};

static SHARED: OnceLock<Counted<Number>> = OnceLock::new();

#[derive(Trace)]
#[trace(acyclic)]
struct Number(u64);

impl CloneContents for Number {
    fn clone_contents(&self) -> Counted<Self> {
        SHARED.get_or_init(|| Counted::new(Number(1))).clone()
    }
}

fn main() {
    let mut number = Counted::new(Number(2));
    let same = number.clone();
    Counted::make_mut(&mut number).0 += 1;
    assert_eq!(same.0, 2);
}
