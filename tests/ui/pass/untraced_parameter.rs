//! The twin of `fail/untraced_parameter.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Opaque;

#[derive(Trace)]
struct Wrapper<T>(Vec<T>);

#[derive(Trace)]
struct Node(Wrapper<Opaque>);

fn main() {}
