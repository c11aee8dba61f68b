//! `#[derive(Trace)]`: what it supports traces right, and what it proves holds.

#![forbid(unsafe_code)]

mod acyclic;
mod fake_module;
mod markers;
mod names;
mod no_ring;
mod send_wrapper;
mod shapes;
mod std_types;
mod supported;
mod survives;
