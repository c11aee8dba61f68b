//! `splay`: Octane's. A splay tree of nodes with payloads, in which nodes are replaced.

mod collected;
mod owned;

use std::{fmt::Write, time::Instant};

use gc_benches::{clock::Steps, random::Random};

use crate::{
    Outcome, Program,
    peers::{bacon, boa, dumpster, gc_arena},
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", collected::run),
    ("box", owned::run),
    ("gc-arena", gc_arena::splay_tree),
    ("dumpster", dumpster::splay_tree),
    ("boa_gc", boa::splay_tree),
    ("bacon_rajan_cc", bacon::splay_tree),
];

/// The depth of a payload.
pub(crate) const DEPTH: u32 = 5;

/// The numbers in a leaf.
pub(crate) const ARRAY: [u64; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// A tree, as the workload uses it.
pub(crate) trait Tree {
    /// Whether the key is there.
    fn has(&mut self, key: u64) -> bool;
    /// Adds a node with a payload of [`DEPTH`]; `text` is that of the strings.
    fn insert(&mut self, key: u64, text: &str);
    /// The greatest key that is less.
    fn greatest_less_than(&mut self, key: u64) -> Option<u64>;
    /// Removes a key that is there.
    fn remove(&mut self, key: u64);
    /// A place between two steps.
    fn pause(&mut self) {}
    /// Gets each node in order: its key, and the length of the string in the leftmost leaf.
    fn each(&self, visit: &mut impl FnMut(u64, usize));
}

pub(crate) fn play<T: Tree>(mut tree: T, arguments: &[u64]) -> Outcome {
    let [nodes, modifications] = sizes(arguments);
    let mut random = Random::new(11);
    let mut text = String::new();
    let mut insert_new = |tree: &mut T| {
        let mut key = u64::from(random.next_u32() >> 1);
        while tree.has(key) {
            key = u64::from(random.next_u32() >> 1);
        }
        text.clear();
        write!(text, "{key}").expect("a string takes what is written to it");
        tree.insert(key, &text);
        key
    };
    for _ in 0..nodes {
        insert_new(&mut tree);
        tree.pause();
    }
    let mut steps = Steps::with_capacity(modifications as usize);
    for _ in 0..modifications {
        let start = Instant::now();
        let key = insert_new(&mut tree);
        let greatest = tree.greatest_less_than(key);
        tree.remove(greatest.unwrap_or(key));
        tree.pause();
        steps.push(start.elapsed());
    }
    let mut checksum = 0;
    tree.each(&mut |key, len| checksum += key + len as u64 + 1);
    Outcome::with_steps(checksum, steps)
}
