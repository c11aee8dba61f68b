//! Records are boxes, of the allocator of the program that asks.

use super::{BATCH, CHAINS, Cache, ENTRIES, Keep, PLACES, Rest, Window, chain, log::Log, records, records::Records};

/// Runs a variant; `None` if there is none of that name.
pub fn run(variant: &str, ask: fn()) -> Option<Log> {
    let windows = || Windows { ask, window: vec![Vec::new(); PLACES], tables: Default::default() };
    match variant {
        "random" => Some(super::window(windows(), Keep::Random)),
        "runs" => Some(super::window(windows(), Keep::Runs(0))),
        "cache" => Some(super::cache(Entries { ask, values: Vec::with_capacity(ENTRIES) })),
        _ => None,
    }
}

/// `main` of a program that differs from others by its allocator: `PROGRAM VARIANT`.
pub fn main() {
    let variant = std::env::args().nth(1).unwrap_or_default();
    run(&variant, || ()).expect("random, runs or cache").print();
}

struct Node {
    record: Box<[u8]>,
    next: Option<Box<Node>>,
}

type Table = Vec<Option<Box<Node>>>;

struct Windows {
    ask: fn(),
    window: Vec<Vec<Box<[u8]>>>,
    tables: [Table; 2],
}

impl Rest for Windows {
    fn ask(&mut self) {
        (self.ask)();
    }
}

impl Window for Windows {
    fn clear(&mut self, table: usize) {
        self.tables[table] = (0..CHAINS).map(|_| None).collect();
    }

    fn fill(&mut self, place: usize, records: &mut Records) {
        self.window[place] = (0..BATCH).map(|_| Box::from(records.record())).collect();
    }

    fn retire(&mut self, place: usize, table: usize, keep: &mut Keep) -> usize {
        let mut kept = 0;
        for record in std::mem::take(&mut self.window[place]) {
            if keep.keeps(&record) {
                let chain = &mut self.tables[table][chain(records::key(&record))];
                *chain = Some(Box::new(Node { record, next: chain.take() }));
                kept += 1;
            }
        }
        kept
    }

    fn verify(&self, table: usize, mut sum: u32) -> u32 {
        for chain in &self.tables[table] {
            let mut next = chain;
            while let Some(node) = next {
                sum = records::checksum(sum, &node.record);
                next = &node.next;
            }
        }
        sum
    }
}

struct Entries {
    ask: fn(),
    values: Vec<Box<[u8]>>,
}

impl Rest for Entries {
    fn ask(&mut self) {
        (self.ask)();
    }
}

impl Cache for Entries {
    fn push(&mut self, _: usize, value: &[u8]) {
        self.values.push(value.into());
    }

    fn value(&self, entry: usize) -> &[u8] {
        &self.values[entry]
    }

    fn evict(&mut self, entry: usize, _: usize) {
        self.values.swap_remove(entry);
    }
}
