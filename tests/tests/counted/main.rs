//! Counted references: every object is dropped once, when its last reference is, whichever threads had them.

#![forbid(unsafe_code)]

mod asked;
mod bound;
mod chain;
mod chains;
mod destructors;
mod exclusive;
mod face;
mod graphs;
mod layout;
mod links;
mod panics;
mod renewed;
mod serialized;
mod support;
mod threads;
mod waiting;
