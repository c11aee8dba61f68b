//! By `Box` or `Arc`: 64 maps of std, each with its lock.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, Mutex},
};

use super::{Value, outcome, share};
use crate::Outcome;

const SHARDS: usize = 64;

type Shard<P> = Mutex<HashMap<u64, P>>;

struct Map<P> {
    shards: Vec<Shard<P>>,
}

impl<P: Deref<Target = Value> + From<Value>> Map<P> {
    fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    fn shard(&self, key: u64) -> &Shard<P> {
        &self.shards[super::home(key, SHARDS)]
    }

    fn put(&self, key: u64, value: P) {
        let before = self.shard(key).lock().expect("no panic").insert(key, value);
        // Freed when the lock is free again.
        drop(before);
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().expect("no panic").len()).sum()
    }
}

/// What owns a value is read under the lock.
pub(super) fn run_boxes(arguments: &[u64]) -> Outcome {
    run::<Box<Value>>(arguments, |shard, key| shard.lock().expect("no panic").get(&key).map_or(0, |value| value.read()))
}

/// What shares it is cloned under the lock.
pub(super) fn run_arcs(arguments: &[u64]) -> Outcome {
    run::<Arc<Value>>(arguments, |shard, key| {
        let value = shard.lock().expect("no panic").get(&key).cloned();
        value.map_or(0, |value| value.read())
    })
}

fn run<P: Deref<Target = Value> + From<Value> + Send>(arguments: &[u64], read: fn(&Shard<P>, u64) -> u64) -> Outcome {
    let map = Map::<P>::new();
    let users = share(arguments, |key| read(map.shard(key), key), |key, value| map.put(key, value.into()));
    outcome(users, map.len())
}
