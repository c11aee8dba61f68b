//! `Step`: what the compiler says while it reads, in terms of an operand stack. `chunk` turns steps into instructions.

use crate::names::Symbol;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// Pushes a constant of the function.
    Constant(u8),
    /// Pushes a number that `f32` holds exactly.
    Number(f32),
    Nil,
    True,
    False,
    Pop,

    GetLocal(u8),
    /// Assignments leave their value on the stack.
    SetLocal(u8),
    GetGlobal(Symbol),
    DefineGlobal(Symbol),
    SetGlobal(Symbol),
    GetUpvalue(u8),
    SetUpvalue(u8),
    GetProperty(u8),
    SetProperty(u8),
    /// Finds `this` and the superclass on the stack.
    GetSuper(u8),

    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Not,
    Negate,
    Print,

    Call(u8),
    Invoke {
        site: u8,
        arguments: u8,
    },
    /// Finds the superclass above the arguments.
    InvokeSuper {
        site: u8,
        arguments: u8,
    },
    Closure(u8),
    /// Pops a variable that closures have captured.
    CloseUpvalue,
    Return,
    Class(Symbol),
    /// Finds the superclass and the class on the stack, and pops the class.
    Inherit,
    /// Finds the class and the closure on the stack, and pops the closure.
    Method(Symbol),
}

/// A jump forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Branch {
    Always,
    /// Pops the condition.
    IfFalse,
    /// Jumps if the top is false, and pops it otherwise.
    And,
    /// Jumps if the top is true, and pops it otherwise.
    Or,
}

impl Step {
    /// Bytes that the book's compiler emits for this step: its limits on jumps are stated in them.
    pub(crate) fn book_size(self, captures: usize) -> usize {
        match self {
            Step::Nil
            | Step::True
            | Step::False
            | Step::Pop
            | Step::Equal
            | Step::Less
            | Step::Greater
            | Step::Add
            | Step::Subtract
            | Step::Multiply
            | Step::Divide
            | Step::Not
            | Step::Negate
            | Step::Print
            | Step::CloseUpvalue
            | Step::Return
            | Step::Inherit => 1,
            Step::Invoke { .. } | Step::InvokeSuper { .. } => 3,
            Step::Closure(_) => 2 + 2 * captures,
            _ => 2,
        }
    }
}
