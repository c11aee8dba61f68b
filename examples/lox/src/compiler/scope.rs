//! Functions being compiled, and what a name means in them: a local variable, a captured one, or a global.

use super::Compiler;
use crate::chunk::{Capture, Chunk, Proto};
use crate::names::Symbol;
use crate::step::Step;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FunctionKind {
    Script,
    Function,
    Method,
    Initializer,
}

pub(super) struct Function<'s> {
    pub(super) kind: FunctionKind,
    pub(super) chunk: Chunk,
    name: Option<Symbol>,
    pub(super) arity: usize,
    /// By stack slot. The callee, or `this`, is in slot 0.
    locals: Vec<Local<'s>>,
    captures: Vec<Capture>,
    /// Blocks around the current token; 0 is the top level of the script.
    depth: usize,
}

struct Local<'s> {
    name: &'s str,
    /// The block that declared it; `None` while its initializer is compiled.
    depth: Option<usize>,
    captured: bool,
}

/// Where a variable is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Local(u8),
    Upvalue(u8),
    Global(Symbol),
}

impl Place {
    pub(super) fn read(self) -> Step {
        match self {
            Self::Local(slot) => Step::GetLocal(slot),
            Self::Upvalue(index) => Step::GetUpvalue(index),
            Self::Global(name) => Step::GetGlobal(name),
        }
    }

    pub(super) fn write(self) -> Step {
        match self {
            Self::Local(slot) => Step::SetLocal(slot),
            Self::Upvalue(index) => Step::SetUpvalue(index),
            Self::Global(name) => Step::SetGlobal(name),
        }
    }
}

impl Function<'_> {
    pub(super) fn new(kind: FunctionKind, name: Option<Symbol>) -> Self {
        // Only methods can name their slot 0; no identifier is empty.
        let name_of_callee = if kind == FunctionKind::Function { "" } else { "this" };
        let callee = Local { name: name_of_callee, depth: Some(0), captured: false };
        let (locals, captures) = (vec![callee], Vec::new());
        Self { kind, chunk: Chunk::new(), name, arity: 0, locals, captures, depth: 0 }
    }

    /// The index of a capture, or `None` if there are too many.
    fn capture(&mut self, capture: Capture) -> Option<u8> {
        let index = self.captures.iter().position(|&known| known == capture).unwrap_or(self.captures.len());
        let operand = u8::try_from(index).ok()?;
        if index == self.captures.len() {
            self.captures.push(capture);
        }
        Some(operand)
    }
}

impl<'s> Compiler<'s, '_> {
    /// Closes the innermost function. The script's own stays, for it is asked for its code only once.
    pub(super) fn end_function(&mut self) -> Proto {
        self.emit_return();
        if !self.chunk().fits() {
            self.error("Too many values at once in function.");
        }
        let function = match self.functions.len() {
            1 => std::mem::replace(self.function(), Function::new(FunctionKind::Script, None)),
            _ => self.functions.pop().expect("more than one function"),
        };
        // An arity above 255 has been reported.
        let arity = u8::try_from(function.arity).unwrap_or(u8::MAX);
        function.chunk.finish(function.name, arity, function.captures)
    }

    /// Returns `nil`, or `this` from an initializer.
    pub(super) fn emit_return(&mut self) {
        let initializer = self.function().kind == FunctionKind::Initializer;
        self.emit(if initializer { Step::GetLocal(0) } else { Step::Nil });
        self.emit(Step::Return);
    }

    /// Whether variables declared here are global.
    pub(super) fn at_top_level(&mut self) -> bool {
        self.function().depth == 0
    }

    pub(super) fn begin_scope(&mut self) {
        self.function().depth += 1;
    }

    /// Discards the variables of the innermost block.
    pub(super) fn end_scope(&mut self) {
        let function = self.function();
        function.depth -= 1;
        let depth = function.depth;
        while self.function().locals.last().is_some_and(|local| local.depth.is_none_or(|d| d > depth)) {
            let captured = self.function().locals.pop().is_some_and(|local| local.captured);
            self.emit(if captured { Step::CloseUpvalue } else { Step::Pop });
        }
    }

    /// Declares the previous token as a variable of the current block. At the top level variables are global and
    /// need no declaration.
    pub(super) fn declare_variable(&mut self) {
        let name = self.previous.text;
        let function = self.function();
        if function.depth == 0 {
            return;
        }
        let depth = function.depth;
        let mut block = function.locals.iter().rev().take_while(|local| local.depth.is_none_or(|d| d == depth));
        if block.any(|local| local.name == name) {
            self.error("Already a variable with this name in this scope.");
        }
        self.add_local(name);
    }

    pub(super) fn add_local(&mut self, name: &'s str) {
        if self.function().locals.len() == MAX_LOCALS {
            self.error("Too many local variables in function.");
        } else {
            self.function().locals.push(Local { name, depth: None, captured: false });
        }
    }

    /// The newest local variable may be used from here on.
    pub(super) fn mark_initialized(&mut self) {
        let function = self.function();
        if function.depth > 0
            && let Some(local) = function.locals.last_mut()
        {
            local.depth = Some(function.depth);
        }
    }

    /// Makes the top of the stack the value of a declared variable. A local variable is that slot already.
    pub(super) fn define_variable(&mut self, global: Option<Symbol>) {
        match global {
            Some(name) => self.emit(Step::DefineGlobal(name)),
            None => self.mark_initialized(),
        }
    }

    /// The global that the previous token names, or `None` inside a block, where it has become a local.
    pub(super) fn declared_name(&mut self) -> Option<Symbol> {
        self.declare_variable();
        self.at_top_level().then(|| self.name_constant())
    }

    pub(super) fn resolve(&mut self, name: &str) -> Place {
        let innermost = self.functions.len() - 1;
        if let Some(slot) = self.resolve_local(innermost, name) {
            Place::Local(slot)
        } else if let Some(index) = self.resolve_upvalue(innermost, name) {
            Place::Upvalue(index)
        } else {
            let charged = self.chunk().charge();
            self.within(charged);
            Place::Global(self.names.intern(name))
        }
    }

    fn resolve_local(&mut self, function: usize, name: &str) -> Option<u8> {
        let locals = &self.functions[function].locals;
        let slot = locals.iter().rposition(|local| local.name == name)?;
        if locals[slot].depth.is_none() {
            self.error("Can't read local variable in its own initializer.");
        }
        Some(u8::try_from(slot).expect("at most 256 locals"))
    }

    /// The index of the capture by which `function` reaches a local variable of a function around it; the functions
    /// between the two capture it too.
    fn resolve_upvalue(&mut self, function: usize, name: &str) -> Option<u8> {
        let around = function.checked_sub(1)?;
        let capture = if let Some(slot) = self.resolve_local(around, name) {
            self.functions[around].locals[usize::from(slot)].captured = true;
            Capture::Local(slot)
        } else {
            Capture::Upvalue(self.resolve_upvalue(around, name)?)
        };
        Some(self.functions[function].capture(capture).unwrap_or_else(|| {
            self.error("Too many closure variables in function.");
            0
        }))
    }
}

const MAX_LOCALS: usize = 256;
