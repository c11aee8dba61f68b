//! The impl of `Drop` has a bound that follows from those of the type, and does not where the derive, or its user, adds another bound.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

trait Kind {
    type Of;
}

impl<T> Kind for T {
    type Of = u8;
}

// `T::Static: Kind`, which the derive adds, hides what `Of` is.
#[derive(Trace)]
struct Inferred<'gc, T: Trace + Kind> {
    next: Gc<'gc, String>,
    value: T,
}

impl<T: Trace + Kind> Drop for Inferred<'_, T>
where
    <<T as Trace>::Static as Kind>::Of: Copy,
{
    fn drop(&mut self) {}
}

#[derive(Trace)]
#[trace(bound = "T: Trace, Vec<T>: Kind")]
struct Given<'gc, T> {
    next: Gc<'gc, String>,
    value: T,
}

impl<T> Drop for Given<'_, T>
where
    <Vec<T> as Kind>::Of: Copy,
{
    fn drop(&mut self) {}
}

fn main() {}
