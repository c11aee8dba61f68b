//! By the concurrent map of gc-core, which grows as Java's does.

use std::hash::BuildHasherDefault;

use gc_benches::maps::Same;
use gc_core::{GcMap, Heap};

use super::{Value, collected::in_heap, outcome};
use crate::{Outcome, workload::sizes};

pub(super) fn run(arguments: &[u64]) -> Outcome {
    let [entries, threads, operations] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let map = m.root(m.alloc(GcMap::<u64, Value, BuildHasherDefault<Same>>::default()));
    for key in 0..entries {
        map.get(&m).insert(&m, key, Value::new(key, 0));
        m.safepoint();
    }
    let users = in_heap(&heap, &mut m, [entries, threads, operations], |m, key, value| match value {
        None => map.get(m).get(&key).map_or(0, Value::read),
        Some(value) => {
            map.get(m).insert(m, key, value);
            0
        }
    });
    let len = map.get(&m).len();
    outcome(users, len)
}
