//! A key that is no leaf, as it cannot be dropped on any thread.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{rc::Rc, sync::Arc};

use gc_core::{collections::BTreeMap, Gc, Trace};

#[derive(Trace)]
struct Index<'gc> {
    names: BTreeMap<Rc<str>, Gc<'gc, u64>>,
}

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(Index { names: BTreeMap::new() });
}
