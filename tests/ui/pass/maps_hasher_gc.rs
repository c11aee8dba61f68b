//! The twin of `fail/maps_hasher_gc.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::hash::{BuildHasher, RandomState};

use gc_core::{collections::HashMap, Gc, Trace};

struct Salted<'gc>(Gc<'gc, u64>);

impl BuildHasher for Salted<'_> {
    type Hasher = <RandomState as BuildHasher>::Hasher;

    fn build_hasher(&self) -> Self::Hasher {
        RandomState::new().build_hasher()
    }
}

#[derive(Trace)]
struct Table<'gc> {
    rows: HashMap<u64, Gc<'gc, u64>, RandomState>,
}

fn main() {}
