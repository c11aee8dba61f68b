//! A marker by which a value may not be sent: the values of a heap are used on all its threads.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::marker::PhantomData;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Main<'gc> {
    not_sent: PhantomData<*const ()>,
    name: Gc<'gc, str>,
}

#[derive(Trace)]
struct Of<'gc, T> {
    not_sent: PhantomData<*const T>,
    name: Gc<'gc, str>,
}

fn main() {}
