//! A cyclic graph in which nodes are replaced all the time: see `src/bin/graph_churn.rs`.

use std::time::Instant;

use gc_core::{Gc, Mutator, Root, Slot, Trace};

use crate::{clock::Steps, random::Random};

/// Replacements that are timed together.
pub const STEP: u64 = 256;

/// A node with 4 mutable edges.
#[derive(Trace)]
pub struct Node<'gc> {
    value: u64,
    edges: [Slot<'gc, Node<'gc>>; 4],
}

impl Node<'_> {
    fn new(value: u64) -> Self {
        Self { value, edges: [const { Slot::null() }; 4] }
    }
}

/// All live nodes, but for those that only others point to.
pub type Table = Root<Gc<'static, [Slot<'static, Node<'static>>]>>;

/// A table of `live` nodes without edges.
pub fn table(m: &Mutator, live: usize) -> Table {
    let table = m.root(m.alloc_slice_with(live, |_| Slot::<Node>::null()));
    for (at, slot) in table.get(m).iter().enumerate() {
        slot.set(m, Some(m.alloc(Node::new(at as u64))));
    }
    table
}

/// Replaces nodes; returns the sum of what they held, and the times.
pub fn run(m: &mut Mutator, table: &Table, replacements: u64, seed: u64) -> (u64, Steps) {
    let mut random = Random::new(seed);
    let mut steps = Steps::with_capacity((replacements / STEP) as usize + 1);
    let mut sum = 0;
    for step in 0..replacements / STEP {
        let start = Instant::now();
        for index in 0..STEP {
            let table = table.get(m);
            let live = table.len();
            let place = &table[random.below(live)];
            let new = m.alloc(Node::new(step * STEP + index));
            if let Some(old) = place.get() {
                sum += old.value;
                old.edges.iter().for_each(|edge| edge.set(m, None));
            }
            place.set(m, Some(new));
            for edge in &new.edges {
                edge.set(m, table[random.below(live)].get());
                if let Some(other) = table[random.below(live)].get() {
                    other.edges[random.below(4)].set(m, Some(new));
                }
            }
            m.safepoint();
        }
        steps.push(start.elapsed());
    }
    (sum, steps)
}
