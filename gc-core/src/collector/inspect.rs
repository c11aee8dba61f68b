//! The visitor that reads without changes: for the verifier, and for who looks inside.
//!
//! It tells a [`Sink`] of each pointer where it lies, in words of the program: the fields and
//! indices that lead there.
//!
//! - **[inspect.shallow]** A value without pointers is looked at for its memory down to [`DEEPEST`]
//!   fields. No collection looks into it, so it may be a list of boxes as long as a stack of 64 MiB
//!   can drop, and the stack of the thread that looks may be small.
//! - **[inspect.short]** A path is told with at most [`SHOWN`] parts at each end, so that the text
//!   of all paths is in proportion to their number also where boxes lie in boxes.

use crate::{
    object::{CellWord, EphemeronPair, HEADER, PairRef, PointerSlot, TypeInfo},
    sync::atomic::Ordering,
    trace::{Trace, Visitor, sealed},
};

/// What is told of a value. The world is stopped.
pub(crate) trait Sink {
    /// A pointer to the object at `target`, or to none (0), at `place`. It may lie in the content
    /// of the cell whose word is at `cell`.
    fn pointer(&mut self, place: usize, target: usize, cell: Option<usize>, path: &FieldPath);

    /// A cell whose content may hold pointers, and whether it is logged.
    fn cell(&mut self, _word: usize, _is_logged: bool) {}

    /// The key and the value of an ephemeron. They are not told as pointers.
    fn ephemeron(&mut self, pair: PairRef);

    /// So many bytes outside the heap, which the value owns.
    fn owns(&mut self, _bytes: usize) {}

    /// So many bytes outside the heap, at this address, which the value shares.
    fn shares(&mut self, _address: usize, _bytes: usize) {}
}

/// The fields and indices that lead from a value to a pointer in it.
#[derive(Default)]
pub(crate) struct FieldPath(Vec<Part>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Field(&'static str),
    Element(usize),
}

impl FieldPath {
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Returns whether parts in the middle are not told.
    pub(crate) fn is_long(&self) -> bool {
        self.0.len() > 2 * SHOWN
    }

    /// Returns the last index, if it is told.
    pub(crate) fn index(&self) -> Option<usize> {
        let (first, last) = self.shown();
        last.iter().rev().chain(first.iter().rev()).find_map(|part| match part {
            Part::Element(index) => Some(*index),
            Part::Field(_) => None,
        })
    }

    /// Returns the path without its indices: `items[].left`. Of a long one, what is in the middle
    /// is left out: `next.next…next.item`.
    pub(crate) fn pattern(&self) -> String {
        let (first, last) = self.shown();
        let mut pattern = String::new();
        let push = |part: &Part, pattern: &mut String| match part {
            Part::Field(name) if pattern.is_empty() || pattern.ends_with('…') => pattern.push_str(name),
            Part::Field(name) => pattern.extend([".", name]),
            Part::Element(_) => pattern.push_str("[]"),
        };
        first.iter().for_each(|part| push(part, &mut pattern));
        if self.is_long() {
            pattern.push('…');
        }
        last.iter().for_each(|part| push(part, &mut pattern));
        pattern
    }

    /// Returns the first parts and the last: all, or those that are told ([inspect.short]).
    fn shown(&self) -> (&[Part], &[Part]) {
        if self.is_long() { (&self.0[..SHOWN], &self.0[self.0.len() - SHOWN..]) } else { (&self.0, &[]) }
    }
}

/// How many fields deep a value without pointers is looked at: some KiB of the stack for each under
/// a sanitizer.
const DEEPEST: usize = 200;

/// How many parts of a long path are told at each end.
const SHOWN: usize = 16;

/// The visitor.
pub(crate) struct Inspector<'a> {
    sink: &'a mut dyn Sink,
    cell: Option<usize>,
    path: FieldPath,
}

/// Tells of the object at `address`.
///
/// # Safety
///
/// It is an object of this type, and the world is stopped.
pub(crate) unsafe fn inspect(address: *mut u8, info: &'static TypeInfo, sink: &mut dyn Sink) {
    // Without pointers only what needs dropping owns anything.
    if info.shape.leaf && info.drop.is_none() {
        return;
    }
    // SAFETY: the caller's: an object of this type.
    let (first, count) = unsafe { (info.first(address), info.len(address)) };
    let mut inspector = Inspector { sink, cell: None, path: FieldPath::default() };
    // SAFETY: as above; the visitor changes nothing.
    unsafe { (info.trace.inspect)(first, count, (&raw mut inspector).cast()) };
}

/// Tells of the value of a root.
///
/// # Safety
///
/// It is a value of this type, and the world is stopped.
pub(crate) unsafe fn inspect_root(value: *mut u8, info: &'static TypeInfo, sink: &mut dyn Sink) {
    let mut inspector = Inspector { sink, cell: None, path: FieldPath::default() };
    // SAFETY: the caller's; the visitor changes nothing.
    unsafe { (info.trace.inspect)(value, 1, (&raw mut inspector).cast()) };
}

impl Inspector<'_> {
    #[inline]
    fn within(&mut self, part: Part, visit: impl FnOnce(&mut Self)) {
        self.path.0.push(part);
        visit(self);
        self.path.0.pop();
    }
}

impl sealed::Visitor for Inspector<'_> {}

impl Visitor for Inspector<'_> {
    const MOVES: bool = false;
    const LOOKS_FOR_MEMORY: bool = true;

    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot) {
        // SAFETY: the caller passes a pointer slot.
        // Relaxed: the world is stopped.
        let target = unsafe { &*pointer_slot }.load(Ordering::Relaxed);
        self.sink.pointer(pointer_slot.addr(), target.addr(), self.cell, &self.path);
    }

    unsafe fn cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T) {
        debug_assert!(HEADER == 8 && self.cell.is_none(), "a cell in a cell");
        if T::HAS_GC {
            // SAFETY: the caller passes the word of a cell.
            self.sink.cell(word.addr(), unsafe { &*word }.is_logged());
        }
        self.cell = Some(word.addr());
        // SAFETY: the caller passes the content of a cell; the world is stopped.
        unsafe { T::trace(content, self) };
        self.cell = None;
    }

    unsafe fn ephemeron(&mut self, pair: *mut EphemeronPair) {
        // SAFETY: the caller passes a pair.
        self.sink.ephemeron(unsafe { PairRef::new(pair) });
    }

    fn looks_deeper(&self) -> bool {
        self.path.0.len() < DEEPEST
    }

    fn field(&mut self, name: &'static str, visit: impl FnOnce(&mut Self)) {
        self.within(Part::Field(name), visit);
    }

    fn element(&mut self, index: usize, visit: impl FnOnce(&mut Self)) {
        self.within(Part::Element(index), visit);
    }

    fn owns(&mut self, bytes: impl FnOnce() -> usize) {
        self.sink.owns(bytes());
    }

    fn shares(&mut self, memory: impl FnOnce() -> (usize, usize)) {
        let (address, bytes) = memory();
        self.sink.shares(address, bytes);
    }
}
