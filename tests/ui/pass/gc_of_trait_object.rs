//! The twin of `fail/gc_of_trait_object.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Object, Slot, Trace, WeakKeyMap};

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
    Foreign(#[trace(skip)] Box<dyn Shape + Send + Sync>),
}

impl Shapes {
    fn area(&self) -> f64 {
        match self {
            Shapes::Square(square) => square.area(),
            Shapes::Foreign(shape) => shape.area(),
        }
    }
}

#[derive(Trace)]
struct Drawing<'gc> {
    one: Gc<'gc, Shapes>,
    all: Gc<'gc, [Slot<'gc, Shapes>]>,
}

fn area(shape: Gc<'_, Shapes>) -> f64 {
    shape.area()
}

struct Colours<'gc>(WeakKeyMap<'gc, Shapes, u32>);

struct Layer<'gc, T: Object + ?Sized>(Gc<'gc, T>);

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let foreign = m.alloc(Shapes::Foreign(Box::new(Square(3.0))));
    assert_eq!(area(foreign), 9.0);
    assert_eq!(&*Layer(m.alloc_str("roads")).0, "roads");
}
