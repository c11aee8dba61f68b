//! What may be in a lock has no trait objects: they could contain themselves.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, Mutex};

use gc_core::{Acyclic, __private::LeadsNowhere};

trait Content: LeadsNowhere {}

impl Content for u64 {}

fn counts<T: Acyclic>() {}

fn main() {
    counts::<Mutex<Option<Arc<dyn Content>>>>();
}
