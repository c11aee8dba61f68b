//! A map of std in a generic type: its values would have to be leaves.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::collections::HashMap;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Table<T> {
    rows: HashMap<String, T>,
}

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(Table { rows: HashMap::from([("one".to_owned(), 1)]) });
}
