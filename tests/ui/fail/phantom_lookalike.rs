//! A type that is named like `PhantomData` holds a pointer, and is dereferenced to the one of std.

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
    hidden: PhantomData<u64>,
}

#[derive(Trace)]
struct Function<'gc, T> {
    hidden: PhantomData<fn() -> Gc<'gc, T>>,
}

fn main() {}
