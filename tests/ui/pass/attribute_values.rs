//! The twin of `fail/attribute_values.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(crate = gc_core)]
struct Quoted(u8);

#[derive(Trace)]
#[trace(crate = ::gc_core)]
struct Parenthesized(u8);

#[derive(Trace)]
#[trace(bound = "T: Trace")]
struct Unquoted<T>(T);

#[derive(Trace)]
#[trace(bound = "T: Trace,")]
struct Misread<T>(T);

#[derive(Trace)]
#[trace(leaf)]
struct Assigned(u8);

#[derive(Trace)]
#[trace(leaf)]
struct Answered(u8);

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Joined(u8);

#[derive(Trace)]
struct Field(#[trace(skip)] u8);

fn main() {}
