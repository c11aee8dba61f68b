//! User code in the places where the collector calls it: destructors, hooks, closures and thread-locals that use the heap they are called by.

#![forbid(unsafe_code)]

mod collect;
mod ends;
mod hooks;
mod nested;
mod unwinding;

use gc_core::{Acyclic, Trace};

/// A value whose destructor runs a function.
#[derive(Trace)]
#[trace(leaf)]
struct Runs(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Runs {
    fn new(run: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(run)))
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}

fn is_acyclic<T: Acyclic>() {}
