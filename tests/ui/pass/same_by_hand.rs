//! The twin of `fail/same_by_hand.rs`: compiles, with a trait of one's own.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct One<'gc>(Gc<'gc, u64>);

#[derive(Trace)]
struct Other<'gc>(u64, Gc<'gc, u64>);

trait Same<T> {}
impl<'a, 'b> Same<One<'a>> for Other<'b> {}

fn main() {}
