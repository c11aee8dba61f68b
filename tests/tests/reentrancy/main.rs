//! User code in the places where the collector calls it: destructors, hooks, closures and thread-locals that use the heap they are called by.

#![forbid(unsafe_code)]

mod collect;
mod ends;
mod hooks;
mod nested;
mod unwinding;

use gc_core::Acyclic;

fn is_acyclic<T: Acyclic>() {}
