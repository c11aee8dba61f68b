//! The objects that are measured. Names say the bytes that an object takes, header included.

use gc_core::{Gc, GcCell, Slot, Trace};

/// 24 bytes: a leaf.
#[derive(Trace, Clone, Copy)]
pub struct Leaf24 {
    /// Payload.
    pub words: [u64; 2],
}

/// 32 bytes: a leaf.
#[derive(Trace, Clone, Copy)]
pub struct Leaf32 {
    /// Payload.
    pub words: [u64; 3],
}

/// 32 bytes: an object with two pointers.
#[derive(Trace)]
pub struct Node32<'gc> {
    /// Payload.
    pub value: u64,
    /// A pointer.
    pub left: Option<Gc<'gc, Node32<'gc>>>,
    /// Another.
    pub right: Option<Gc<'gc, Node32<'gc>>>,
}

/// 32 bytes: an object with one mutable pointer.
#[derive(Trace)]
pub struct Slot32<'gc> {
    /// Payload.
    pub words: [u64; 2],
    /// The pointer.
    pub next: Slot<'gc, Slot32<'gc>>,
}

/// 32 bytes: an object with two mutable pointers.
#[derive(Trace)]
pub struct Fork32<'gc> {
    /// Payload.
    pub word: u64,
    /// The pointers.
    pub below: [Slot<'gc, Fork32<'gc>>; 2],
}

/// 64 bytes: an object with two mutable pointers.
#[derive(Trace)]
pub struct Node64<'gc> {
    /// Payload.
    pub words: [u64; 5],
    /// The pointers.
    pub next: [Slot<'gc, Node64<'gc>>; 2],
}

/// 128 bytes: a leaf.
#[derive(Trace, Clone, Copy)]
pub struct Leaf128 {
    /// Payload.
    pub words: [u64; 15],
}

/// 32 bytes, with a destructor.
#[derive(Trace)]
#[trace(leaf)]
pub struct Dropped32 {
    /// Payload.
    pub words: [u64; 3],
}

impl Drop for Dropped32 {
    #[inline]
    fn drop(&mut self) {
        crate::clock::sink_word(self.words[0]);
    }
}

/// A cell with a pointer and a cell with a number.
#[derive(Trace)]
pub struct Cells<'gc> {
    /// Holds a pointer.
    pub pointer: GcCell<Option<Gc<'gc, Leaf32>>>,
    /// Holds none.
    pub number: GcCell<u64>,
}
