//! There are no objects of trait objects.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};

trait Shape {
    fn area(&self) -> f64;
}

#[derive(Trace)]
struct Square(f64);

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}

#[derive(Trace)]
struct Drawing<'gc> {
    one: Gc<'gc, dyn Shape>,
    all: Gc<'gc, [Slot<'gc, dyn Shape>]>,
}

fn main() {}
