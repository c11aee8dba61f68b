//! A cyclic graph in which nodes are replaced all the time: the workload `graph_churn`, of one mutator or more.

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

/// All live nodes, except those that only others point to.
pub type Table = Root<Gc<'static, [Slot<'static, Node<'static>>]>>;

/// A table of `live` nodes without edges.
pub fn table(m: &Mutator, live: usize) -> Table {
    let table = m.root(m.alloc_slice_with(live, |_| Slot::<Node>::null()));
    for (at, slot) in table.get(m).iter().enumerate() {
        slot.set(m, Some(m.alloc(Node::new(at as u64))));
    }
    table
}

/// Replaces nodes; returns the sum of what they held, and the times. A replaced node keeps its edges until `lag` more are replaced.
pub fn run(m: &mut Mutator, table: &Table, replacements: u64, lag: usize, seed: u32) -> (u64, Steps) {
    let mut random = Random::new(seed);
    let mut steps = Steps::with_capacity((replacements / STEP) as usize + 1);
    let replaced = m.root(m.alloc_slice_with(lag, |_| Slot::<Node>::null()));
    let mut sum = 0;
    for step in 0..replacements / STEP {
        let start = Instant::now();
        for index in 0..STEP {
            let table = table.get(m);
            let live = table.len();
            let number = step * STEP + index;
            let place = &table[random.below(live)];
            let new = m.alloc(Node::new(number));
            let mut old = place.get();
            sum += old.map_or(0, |old| old.value);
            if lag > 0 {
                old = replaced.get(m)[number as usize % lag].swap(m, old);
            }
            if let Some(old) = old {
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
