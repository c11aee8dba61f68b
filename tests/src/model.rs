//! The model of the heap: programs by chance, run on a heap and on a plain graph, which must agree.
//!
//! ```text
//!   words ──decode──▶ program ──┬──▶ machine: objects, roots, collections of a real heap
//!                               └──▶ graph: objects and edges in vectors, reachability by search
//!                                     after each collection: the same graph from each root, the same payloads, and after full
//!                                     ones exactly the dead dropped and exactly the living counted
//! ```
//!
//! A program is a list of operations, each decoded from six words, and any six words are an operation: whoever makes words
//! (a seed, proptest, a fuzzer) makes programs, and shrinking words shrinks programs. Operations name objects by walks from roots,
//! taken modulo what is there, so every program is valid.
//!
//! Several mutators are several machines on one heap, each with a program and a graph of its own, and a board that they share:
//! see `threads`.

mod compare;
mod graph;
mod machine;
mod objects;
mod program;
mod shrink;
mod threads;

pub use machine::run;
pub use program::{Program, Words};
pub use shrink::run_or_report;
pub use threads::run_threads;
