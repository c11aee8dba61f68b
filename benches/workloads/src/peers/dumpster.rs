//! dumpster: counts references, and finds cycles when enough pointers were dropped. `unsync` of a thread, `sync` for many.

use dumpster::sync;
pub(super) use dumpster::unsync::Gc;
pub(super) use std::cell::RefCell as Cell;
use std::{collections::HashMap, sync::Mutex};

use crate::{
    Outcome,
    binary_trees::threads::{on_threads, part},
    shared_cache::{Value, home, outcome, share},
    workload::sizes,
};

/// What the derive would write, which does not compile where a macro declares the type.
macro_rules! object {
    ($visibility:vis struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $visibility struct $name {
            $($field: $type,)*
        }

        // SAFETY: every field is visited.
        unsafe impl<V: dumpster::Visitor> dumpster::TraceWith<V> for $name {
            fn accept(&self, visitor: &mut V) -> Result<(), ()> {
                $(dumpster::TraceWith::accept(&self.$field, visitor)?;)*
                Ok(())
            }
        }
    };
}

macro_rules! leaf {
    ($($item:tt)*) => {
        object! { $($item)* }
    };
}

#[path = "cloned.rs"]
#[expect(clippy::duplicate_mod, reason = "it is compiled for each")]
mod cloned;

pub(crate) use cloned::*;

/// It collects when pointers are dropped.
fn poll() {}

object! {
    struct Tree {
        children: Option<(sync::Gc<Tree>, sync::Gc<Tree>)>,
    }
}

pub(crate) fn binary_trees_threads(arguments: &[u64]) -> Outcome {
    fn grow(depth: u64) -> sync::Gc<Tree> {
        let children = if depth == 0 { None } else { Some((grow(depth - 1), grow(depth - 1))) };
        sync::Gc::new(Tree { children })
    }
    fn count(tree: &Tree) -> u64 {
        1 + tree.children.as_ref().map_or(0, |(left, right)| count(left) + count(right))
    }
    let [depth, threads] = sizes(arguments);
    let counted = |depth| count(&grow(depth));
    let first = counted(depth + 1);
    let long = grow(depth);
    let total = on_threads(threads, || part(depth, threads, counted));
    Outcome::of(first + total + count(&long))
}

object! {
    struct Cached {
        words: [u64; 6],
    }
}

/// 64 maps of std, each with its lock; what is read is cloned under it.
pub(crate) fn shared_cache(arguments: &[u64]) -> Outcome {
    const SHARDS: usize = 64;
    type Shard = Mutex<HashMap<u64, sync::Gc<Cached>>>;
    let shards: Vec<Shard> = (0..SHARDS).map(|_| Mutex::default()).collect();
    let shard = |key| shards[home(key, SHARDS)].lock().expect("no panic");
    let put = |key, value: Value| {
        let before = shard(key).insert(key, sync::Gc::new(Cached { words: value.words }));
        drop(before);
    };
    let get = |key| {
        let value = shard(key).get(&key).cloned();
        value.map_or(0, |value| value.words[0] + value.words[5])
    };
    let users = share(arguments, get, put);
    outcome(users, shards.iter().map(|shard| shard.lock().expect("no panic").len()).sum())
}
