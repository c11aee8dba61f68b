//! What is counted is acyclic.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Counted, Trace};

#[derive(Trace)]
struct Name(String);

fn main() {
    let _ = Counted::new(Name(String::new()));
}
