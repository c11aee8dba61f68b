//! `Op`: the machine's instructions, eight bytes each, operands included.
//!
//! It is a register machine: operands are slots of the frame. Slot 0 is the callee or `this`, then come parameters and
//! local variables, and above them the intermediate results, of which the compiler knows the places (see `chunk`).

use gc_core::Trace;

use crate::names::Symbol;

/// A slot of the frame.
pub(crate) type Slot = u16;

/// Where a jump goes: so many instructions on from the next one, or back for [`Op::Loop`].
pub(crate) type Distance = u16;

// One instruction a line.
#[rustfmt::skip]
#[derive(Clone, Copy, Debug, PartialEq, Trace)]
pub(crate) enum Op {
    Move { to: Slot, from: Slot },
    /// A constant of the function.
    Constant { to: Slot, index: u8 },
    /// A number that `f32` holds exactly.
    Number { to: Slot, number: f32 },
    Nil { to: Slot },
    True { to: Slot },
    False { to: Slot },

    GetGlobal { to: Slot, name: Symbol },
    DefineGlobal { from: Slot, name: Symbol },
    SetGlobal { from: Slot, name: Symbol },
    GetUpvalue { to: Slot, index: u8 },
    SetUpvalue { from: Slot, index: u8 },
    /// Properties name a site of the function: a name with its inline cache.
    GetProperty { to: Slot, object: Slot, site: u8 },
    SetProperty { object: Slot, value: Slot, site: u8 },
    /// `this` is in the slot of the result, the superclass in the one above.
    GetSuper { to: Slot, site: u8 },

    Equal { to: Slot, a: Slot, b: Slot },
    NotEqual { to: Slot, a: Slot, b: Slot },
    Less { to: Slot, a: Slot, b: Slot },
    /// `!(a < b)`: the book's `>=`, which is true of what does not compare.
    NotLess { to: Slot, a: Slot, b: Slot },
    Add { to: Slot, a: Slot, b: Slot },
    Subtract { to: Slot, a: Slot, b: Slot },
    Multiply { to: Slot, a: Slot, b: Slot },
    Divide { to: Slot, a: Slot, b: Slot },
    Not { to: Slot, from: Slot },
    Negate { to: Slot, from: Slot },

    // The same with `nil` or a small number on the right.
    IsNil { to: Slot, a: Slot },
    IsNotNil { to: Slot, a: Slot },
    EqualNumber { to: Slot, a: Slot, b: i16 },
    NotEqualNumber { to: Slot, a: Slot, b: i16 },
    LessNumber { to: Slot, a: Slot, b: i16 },
    NotLessNumber { to: Slot, a: Slot, b: i16 },
    GreaterNumber { to: Slot, a: Slot, b: i16 },
    NotGreaterNumber { to: Slot, a: Slot, b: i16 },
    AddNumber { to: Slot, a: Slot, b: i16 },
    SubtractNumber { to: Slot, a: Slot, b: i16 },

    Jump { by: Distance },
    JumpIfFalse { from: Slot, by: Distance },
    JumpIfTrue { from: Slot, by: Distance },
    // A comparison and a jump in one.
    JumpIfNil { a: Slot, by: Distance },
    JumpUnlessNil { a: Slot, by: Distance },
    JumpIfEqual { a: Slot, b: Slot, by: Distance },
    JumpUnlessEqual { a: Slot, b: Slot, by: Distance },
    JumpIfEqualNumber { a: Slot, b: i16, by: Distance },
    JumpUnlessEqualNumber { a: Slot, b: i16, by: Distance },
    JumpIfLess { a: Slot, b: Slot, by: Distance },
    JumpUnlessLess { a: Slot, b: Slot, by: Distance },
    JumpIfLessNumber { a: Slot, b: i16, by: Distance },
    JumpUnlessLessNumber { a: Slot, b: i16, by: Distance },
    JumpIfGreaterNumber { a: Slot, b: i16, by: Distance },
    JumpUnlessGreaterNumber { a: Slot, b: i16, by: Distance },
    /// A safepoint, at which the slots below `height` are in use.
    Loop { by: Distance, height: Slot },

    /// Calls the value in slot `base` with the arguments above it. The result takes its place. A safepoint.
    Call { base: Slot, arguments: u8 },
    /// Calls a method of the instance in slot `base`. A safepoint.
    Invoke { base: Slot, arguments: u8, site: u8 },
    /// Calls a method of the superclass above the arguments on `this` in slot `base`. A safepoint.
    InvokeSuper { base: Slot, arguments: u8, site: u8 },
    Return { from: Slot },

    /// Makes a closure of a function of this function.
    Closure { to: Slot, index: u8 },
    /// Gives captured variables from a slot on a place of their own.
    Close { from: Slot },
    Class { to: Slot, name: Symbol },
    /// The class above the superclass inherits from it.
    Inherit { superclass: Slot },
    /// The class gets the closure above it as a method.
    Method { class: Slot, name: Symbol },
    Print { from: Slot },
}

const _: () = assert!(size_of::<Op>() == 8);

impl Op {
    /// Where the result goes, of instructions that do nothing else than to make one.
    pub(crate) fn result(&mut self) -> Option<&mut Slot> {
        match self {
            Op::Move { to, .. }
            | Op::Constant { to, .. }
            | Op::Number { to, .. }
            | Op::Nil { to }
            | Op::True { to }
            | Op::False { to }
            | Op::GetGlobal { to, .. }
            | Op::GetUpvalue { to, .. }
            | Op::GetProperty { to, .. }
            | Op::Equal { to, .. }
            | Op::NotEqual { to, .. }
            | Op::Less { to, .. }
            | Op::NotLess { to, .. }
            | Op::Add { to, .. }
            | Op::Subtract { to, .. }
            | Op::Multiply { to, .. }
            | Op::Divide { to, .. }
            | Op::Not { to, .. }
            | Op::Negate { to, .. }
            | Op::IsNil { to, .. }
            | Op::IsNotNil { to, .. }
            | Op::EqualNumber { to, .. }
            | Op::NotEqualNumber { to, .. }
            | Op::LessNumber { to, .. }
            | Op::NotLessNumber { to, .. }
            | Op::GreaterNumber { to, .. }
            | Op::NotGreaterNumber { to, .. }
            | Op::AddNumber { to, .. }
            | Op::SubtractNumber { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Where the result goes, of instructions that may be left out if nobody wants it: they cannot fail.
    pub(crate) fn loads(self) -> Option<Slot> {
        match self {
            Op::Move { to, .. }
            | Op::Constant { to, .. }
            | Op::Number { to, .. }
            | Op::Nil { to }
            | Op::True { to }
            | Op::False { to } => Some(to),
            _ => None,
        }
    }

    /// The distance of a forward jump.
    pub(crate) fn distance(&mut self) -> Option<&mut Distance> {
        match self {
            Op::Jump { by }
            | Op::JumpIfFalse { by, .. }
            | Op::JumpIfTrue { by, .. }
            | Op::JumpIfNil { by, .. }
            | Op::JumpUnlessNil { by, .. }
            | Op::JumpIfEqual { by, .. }
            | Op::JumpUnlessEqual { by, .. }
            | Op::JumpIfEqualNumber { by, .. }
            | Op::JumpUnlessEqualNumber { by, .. }
            | Op::JumpIfLess { by, .. }
            | Op::JumpUnlessLess { by, .. }
            | Op::JumpIfLessNumber { by, .. }
            | Op::JumpUnlessLessNumber { by, .. }
            | Op::JumpIfGreaterNumber { by, .. }
            | Op::JumpUnlessGreaterNumber { by, .. } => Some(by),
            _ => None,
        }
    }
}
