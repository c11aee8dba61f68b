//! The twin of `fail/maps_key_rc.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{rc::Rc, sync::Arc};

use gc_core::{collections::BTreeMap, Gc, Trace};

#[derive(Trace)]
struct Index<'gc> {
    names: BTreeMap<Arc<str>, Gc<'gc, u64>>,
}

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(Index { names: BTreeMap::new() });
}
