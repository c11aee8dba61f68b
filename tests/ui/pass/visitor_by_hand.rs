//! The twin of `fail/visitor_by_hand.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Visitor;

fn generic<V: Visitor>(_: &mut V) {}

fn main() {}
