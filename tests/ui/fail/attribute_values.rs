//! Attributes with a value, and those without, are written in one form each.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(crate = "gc_core")]
struct Quoted(u8);

#[derive(Trace)]
#[trace(crate(gc_core))]
struct Parenthesized(u8);

#[derive(Trace)]
#[trace(bound = T: Trace)]
struct Unquoted<T>(T);

#[derive(Trace)]
#[trace(bound = "T Trace")]
struct Misread<T>(T);

#[derive(Trace)]
#[trace = "leaf"]
struct Assigned(u8);

#[derive(Trace)]
#[trace(leaf = true)]
struct Answered(u8);

#[derive(Trace)]
#[trace(leaf acyclic)]
struct Joined(u8);

#[derive(Trace)]
struct Field(#[trace(skip = true)] u8);

fn main() {}
