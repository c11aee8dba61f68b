//! A parameter of a traced type is traced, too.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

struct Opaque;

#[derive(Trace)]
struct Wrapper<T>(Vec<T>);

#[derive(Trace)]
struct Node(Wrapper<Opaque>);

fn main() {}
