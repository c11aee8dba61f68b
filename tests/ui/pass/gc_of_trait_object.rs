//! The twin of `fail/gc_of_trait_object.rs`: compiles.

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
enum Shapes {
    Square(Square),
}

#[derive(Trace)]
struct Drawing<'gc> {
    one: Gc<'gc, Shapes>,
    all: Gc<'gc, [Slot<'gc, Shapes>]>,
}

fn main() {}
