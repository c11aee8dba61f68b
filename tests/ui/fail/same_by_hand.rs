//! `Same` is nobody's to implement: a field could be of another type under another lifetime.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct One<'gc>(Gc<'gc, u64>);

#[derive(Trace)]
struct Other<'gc>(u64, Gc<'gc, u64>);

impl<'a, 'b> gc_core::__private::Same<One<'a>> for Other<'b> {}

fn main() {}
