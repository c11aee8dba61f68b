//! Everything that threads share is built from here, shaped like `std::sync`.
//!
//! Locks are `parking_lot`'s: ThreadSanitizer understands them, and a panic does not poison them. A model checker
//! takes their place by replacing this file.

pub(crate) use core::sync::atomic;
pub(crate) use std::sync::Arc;

pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
