//! The twin of `fail/phantom_lookalike.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{marker, ops::Deref};

use gc_core::{Gc, Trace};

struct PhantomData<T>(Option<T>, marker::PhantomData<T>);

impl<T> Deref for PhantomData<T> {
    type Target = marker::PhantomData<T>;

    fn deref(&self) -> &marker::PhantomData<T> {
        &self.1
    }
}

#[derive(Trace)]
struct Constant {
    hidden: marker::PhantomData<u64>,
}

#[derive(Trace)]
struct Function<'gc, T> {
    hidden: marker::PhantomData<fn() -> Gc<'gc, T>>,
}

fn main() {}
