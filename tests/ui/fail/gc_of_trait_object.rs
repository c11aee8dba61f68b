//! There are no objects of trait objects: a pointer to one is refused where it is written down, in a field as in a signature.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace, WeakKeyMap};

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

fn area(shape: Gc<'_, dyn Shape>) -> f64 {
    shape.area()
}

struct Colours<'gc>(WeakKeyMap<'gc, dyn Shape, u32>);

struct Layer<'gc, T: ?Sized>(Gc<'gc, T>);

fn main() {}
