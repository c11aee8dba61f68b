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
//! Weak references, ephemerons, identities, watchers and finalization queues are beside the graph (`weak`, `deaths`). What they know of an
//! object is a mark. Something that certainly lives is never found dead. After a full collection, what certainly died is: what nothing
//! reaches, not even what is to be finalized, and what is to be finalized itself, unless something else reaches it that is to be.
//!
//! Several mutators are several machines on one heap, each with a program and a graph of its own, and a board that they share:
//! see `threads`.

mod compare;
mod deaths;
mod graph;
mod machine;
mod objects;
mod program;
mod shrink;
mod threads;
mod weak;

pub use machine::run;
pub use program::{Program, Words};
pub use shrink::run_or_report;
pub use threads::run_threads;
