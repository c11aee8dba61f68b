//! The twin of `fail/acyclic_lock_of_trait_object.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, Mutex};

use gc_core::{Acyclic, __private::LeadsNowhere};

trait Content: LeadsNowhere {}

impl Content for u64 {}

fn counts<T: Acyclic>() {}

fn main() {
    counts::<Mutex<Option<Arc<u64>>>>();
}
