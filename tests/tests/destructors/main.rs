//! Destructors run once, may do what any code may, and hold nobody up.

#![forbid(unsafe_code)]

mod across_threads;
mod beside;
mod drained;
mod ends;
mod hanging;
mod liberties;
mod locals;
mod slow;

use std::sync::Arc;

use gc_core::Trace;
use parking_lot::{Condvar, Mutex};

/// What destructors wait for.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<GateState>, Condvar)>);

#[derive(Default)]
struct GateState {
    open: bool,
    waiting: usize,
    most: usize,
    passed: usize,
}

impl Gate {
    /// A value whose destructor waits until the gate is open.
    fn waits(&self) -> Waits {
        Waits(self.clone())
    }

    fn open(&self) {
        self.0.0.lock().open = true;
        self.0.1.notify_all();
    }

    /// How many destructors wait.
    fn waiting(&self) -> usize {
        self.0.0.lock().waiting
    }

    /// How many waited at a time at the most.
    fn most(&self) -> usize {
        self.0.0.lock().most
    }

    /// How many destructors have returned.
    fn passed(&self) -> usize {
        self.0.0.lock().passed
    }
}

/// A value whose destructor waits for a gate.
#[derive(Trace)]
#[trace(leaf)]
struct Waits(Gate);

impl Drop for Waits {
    fn drop(&mut self) {
        let (state, opened) = &*self.0.0;
        let mut state = state.lock();
        state.waiting += 1;
        state.most = state.most.max(state.waiting);
        while !state.open {
            opened.wait(&mut state);
        }
        state.waiting -= 1;
        state.passed += 1;
    }
}
