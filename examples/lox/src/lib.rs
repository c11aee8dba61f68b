//! Lox, the language of Robert Nystrom's *Crafting Interpreters*, as a bytecode virtual machine on [`gc_core`].
//!
//! A source goes through three stations:
//!
//! 1. `scanner` makes tokens of it, `compiler` steps of a stack machine (`step`) of those, and `chunk` the instructions
//!    of a register machine (`op`), all in plain Rust memory.
//! 2. `function` puts the result into the heap, where the collector frees it when no closure needs it any more.
//! 3. `vm` runs it. Its whole state is one root; that module tells how it reaches safepoints.
//!
//! What a running program is made of is in `value`, `class`, `function` and `strings`.
//!
//! There is no `unsafe` in this crate: the machine's pointers are checked by the compiler.

#![forbid(unsafe_code)]

mod chunk;
mod class;
mod compiler;
mod function;
mod names;
mod number;
mod op;
mod scanner;
mod step;
mod strings;
mod token;
mod value;
mod vm;

pub use vm::{Failure, Instances, LineCount, Lox};
