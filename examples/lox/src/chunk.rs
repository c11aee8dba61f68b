//! `Chunk`: the code of one function while it is written, and `Proto`, the same when it is complete.
//!
//! The compiler thinks of an operand stack. Where the stack stands is known at every step, so its slots are named in
//! the instructions and the machine needs no stack pointer. `lower` does that, and leaves out copies: a local variable
//! is an operand where it is.
//!
//! # Invariants
//!
//! - **C1** `code` and `lines` have one entry per instruction.
//! - **C2** Instructions before the last label are final: no jump ever leads into the middle of what was combined.
//! - **C3** `height` is the height of the stack before the next step, on every path that leads there; `peak` is the
//!   highest it ever is, so that a call makes room for a frame once.

mod lower;

use crate::names::Symbol;
use crate::op::{Op, Slot};
use crate::step::Branch;

/// A compiled function, in Rust memory. The machine turns it into an object of the heap before it runs it.
#[derive(Debug)]
pub(crate) struct Proto {
    /// `None` for the script itself.
    pub(crate) name: Option<Symbol>,
    pub(crate) arity: u8,
    /// Slots that a frame needs.
    pub(crate) frame_size: u32,
    pub(crate) code: Vec<Op>,
    pub(crate) lines: Vec<u32>,
    pub(crate) constants: Vec<Constant>,
    /// The names of the sites at which properties are looked up.
    pub(crate) sites: Vec<Symbol>,
    pub(crate) functions: Vec<Proto>,
    pub(crate) captures: Vec<Capture>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Number(f64),
    Text(String),
}

/// Where a closure finds a captured variable when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, gc_core::Trace)]
pub(crate) enum Capture {
    /// A local variable of the function around it.
    Local(u8),
    /// A variable that the function around it has captured itself.
    Upvalue(u8),
}

/// A limit was passed.
pub(crate) struct Exceeded;

/// A forward jump that does not know its distance yet.
#[must_use]
pub(crate) struct Jump {
    at: usize,
    /// The book's offset of its distance's end.
    book: usize,
    /// Whether the book pops the condition once more where the jump leads.
    pops: bool,
}

/// A place that [`Chunk::jump_back`] leads to.
#[derive(Clone, Copy)]
pub(crate) struct Label {
    at: usize,
    book: usize,
}

#[derive(Default)]
pub(crate) struct Chunk {
    code: Vec<Op>,
    lines: Vec<u32>,
    constants: Vec<Constant>,
    sites: Vec<Symbol>,
    functions: Vec<Proto>,
    /// Constants that the book's compiler would have used: it counts names and functions too, and shares none.
    charged: usize,
    /// Bytes that the book's compiler would have emitted.
    book: usize,
    /// Where the last label is (C2).
    fence: usize,
    height: usize,
    peak: usize,
}

impl Chunk {
    /// A chunk whose frames begin with the callee.
    pub(crate) fn new() -> Self {
        Self { height: 1, peak: 1, ..Self::default() }
    }

    /// One more slot is in use when the function begins.
    pub(crate) fn parameter(&mut self) {
        self.push();
    }

    /// Writes a forward jump.
    pub(crate) fn jump(&mut self, branch: Branch, line: u32) -> Jump {
        let start = self.book;
        self.branch(branch, line);
        // In the book, a condition is popped by an instruction of its own, and `or` is a jump around a jump.
        let (size, operand_end) = match branch {
            Branch::Always => (3, 3),
            Branch::IfFalse | Branch::And => (4, 3),
            Branch::Or => (7, 6),
        };
        self.book += size;
        Jump { at: self.code.len() - 1, book: start + operand_end, pops: branch == Branch::IfFalse }
    }

    /// Lets `jump` lead here.
    pub(crate) fn bind(&mut self, jump: Jump) -> Result<(), Exceeded> {
        let book = self.book - jump.book;
        self.book += usize::from(jump.pops);
        self.fence = self.code.len();
        // Never more instructions than bytes in the book.
        let by = u16::try_from(self.fence - jump.at - 1).map_err(|_| Exceeded)?;
        *self.code[jump.at].distance().expect("a forward jump") = by;
        if book > MAX_JUMP { Err(Exceeded) } else { Ok(()) }
    }

    pub(crate) fn label(&mut self) -> Label {
        self.fence = self.code.len();
        Label { at: self.fence, book: self.book }
    }

    /// Writes a jump back to `label`.
    pub(crate) fn jump_back(&mut self, label: Label, line: u32) -> Result<(), Exceeded> {
        self.book += 3;
        let by = u16::try_from(self.code.len() + 1 - label.at);
        self.write(Op::Loop { by: by.unwrap_or(0), height: self.height as Slot }, line);
        if by.is_err() || self.book - label.book > MAX_JUMP { Err(Exceeded) } else { Ok(()) }
    }

    /// Counts a constant of the book's without storing anything: a name.
    pub(crate) fn charge(&mut self) -> Result<(), Exceeded> {
        self.charged += 1;
        if self.charged > MAX_CONSTANTS { Err(Exceeded) } else { Ok(()) }
    }

    /// The operand of a step that pushes a constant.
    pub(crate) fn constant(&mut self, constant: Constant) -> Result<u8, Exceeded> {
        self.charge()?;
        Ok(append(&mut self.constants, constant))
    }

    /// The operand of a step on a property.
    pub(crate) fn site(&mut self, name: Symbol) -> Result<u8, Exceeded> {
        self.charge()?;
        Ok(append(&mut self.sites, name))
    }

    /// The operand of a step that makes a closure.
    pub(crate) fn function(&mut self, function: Proto) -> Result<u8, Exceeded> {
        self.charge()?;
        Ok(append(&mut self.functions, function))
    }

    /// Whether instructions can name all slots.
    pub(crate) fn fits(&self) -> bool {
        self.peak <= usize::from(Slot::MAX)
    }

    pub(crate) fn finish(self, name: Option<Symbol>, arity: u8, captures: Vec<Capture>) -> Proto {
        Proto {
            name,
            arity,
            frame_size: u32::try_from(self.peak).expect("at most 1000 calls of 255 arguments are nested"),
            code: self.code,
            lines: self.lines,
            constants: self.constants,
            sites: self.sites,
            functions: self.functions,
            captures,
        }
    }
}

/// Appends to a table whose size is bounded by what may be charged, and says where.
fn append<T>(table: &mut Vec<T>, entry: T) -> u8 {
    table.push(entry);
    u8::try_from(table.len() - 1).expect("at most 256 charged constants")
}

const MAX_CONSTANTS: usize = 256;
const MAX_JUMP: usize = u16::MAX as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_counted_as_the_book_does() {
        let mut chunk = Chunk::new();
        for _ in 0..255 {
            assert!(chunk.charge().is_ok());
        }
        assert!(matches!(chunk.constant(Constant::Number(0.5)), Ok(0)));
        assert!(chunk.constant(Constant::Number(0.5)).is_err());
    }
}
