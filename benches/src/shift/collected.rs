//! Records are objects of a heap with default settings.

use std::time::Duration;

use gc_core::{Collect, Gc, Heap, Mutator, Root, Slot, Trace};

use super::{BATCH, CHAINS, Cache, ENTRIES, Keep, PLACES, Rest, Window, chain, log::Log, records, records::Records};

/// The contestants: their names, and what each asks for at the end of a phase. One that asks for something else is a line more.
pub const ASKS: &[(&str, Ask)] = &[
    ("gc-core", |_| ()),
    ("gc-core, collect", |m| {
        m.collect(Collect::Full);
    }),
    ("gc-core, compact", |m| {
        m.compact();
    }),
];

type Ask = fn(&mut Mutator);

/// Runs a variant; `None` if there is none of that name.
pub fn run(variant: &str, ask: Ask) -> Option<Log> {
    let heap = Heap::builder().build().expect("a heap");
    let m = heap.attach().expect("the only mutator");
    match variant {
        "random" => Some(super::window(Windows::new(m, ask), Keep::Random)),
        "runs" => Some(super::window(Windows::new(m, ask), Keep::Runs(0))),
        "cache" => {
            let values = m.root(m.alloc_slice_with(ENTRIES, |_| Slot::<[u8]>::null()));
            Some(super::cache(Entries { ask, values, m }))
        }
        _ => None,
    }
}

#[derive(Trace)]
struct Node<'gc> {
    record: Gc<'gc, [u8]>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

type Batch<'gc> = [Gc<'gc, [u8]>];
type Table = Root<Gc<'static, [Slot<'static, Node<'static>>]>>;

struct Windows {
    ask: Ask,
    window: Root<Gc<'static, [Slot<'static, Batch<'static>>]>>,
    tables: [Table; 2],
    m: Mutator,
}

impl Windows {
    fn new(m: Mutator, ask: Ask) -> Self {
        let window = m.root(m.alloc_slice_with(PLACES, |_| Slot::<Batch>::null()));
        Self { ask, window, tables: [table(&m), table(&m)], m }
    }
}

fn table(m: &Mutator) -> Table {
    m.root(m.alloc_slice_with(CHAINS, |_| Slot::<Node>::null()))
}

impl Rest for Windows {
    fn ask(&mut self) {
        (self.ask)(&mut self.m);
    }

    fn rest(&mut self, time: Duration) {
        self.m.blocked(|| std::thread::sleep(time));
    }
}

impl Window for Windows {
    fn clear(&mut self, table: usize) {
        self.tables[table] = self::table(&self.m);
    }

    fn fill(&mut self, place: usize, records: &mut Records) {
        let m = &self.m;
        let batch = m.alloc_slice_with(BATCH, |_| m.alloc_slice_copy(records.record()));
        self.window.get(m)[place].set(m, Some(batch));
        self.m.safepoint();
    }

    fn retire(&mut self, place: usize, table: usize, keep: &mut Keep) -> usize {
        let m = &self.m;
        let table = self.tables[table].get(m);
        let batch = self.window.get(m)[place].take(m).expect("a batch");
        let mut kept = 0;
        for &record in batch.iter() {
            if keep.keeps(&record) {
                let chain = &table[chain(records::key(&record))];
                chain.set(m, Some(m.alloc(Node { record, next: chain.get() })));
                kept += 1;
            }
        }
        self.m.safepoint();
        kept
    }

    fn verify(&self, table: usize, mut sum: u32) -> u32 {
        for chain in self.tables[table].get(&self.m).iter() {
            let mut next = chain.get();
            while let Some(node) = next {
                sum = records::checksum(sum, &node.record);
                next = node.next;
            }
        }
        sum
    }
}

struct Entries {
    ask: Ask,
    values: Root<Gc<'static, [Slot<'static, [u8]>]>>,
    m: Mutator,
}

impl Rest for Entries {
    fn ask(&mut self) {
        (self.ask)(&mut self.m);
    }

    fn rest(&mut self, time: Duration) {
        self.m.blocked(|| std::thread::sleep(time));
    }
}

impl Cache for Entries {
    fn push(&mut self, len: usize, value: &[u8]) {
        let m = &self.m;
        self.values.get(m)[len].set(m, Some(m.alloc_slice_copy(value)));
        self.m.safepoint();
    }

    fn value(&self, entry: usize) -> &[u8] {
        Gc::as_ref(self.values.get(&self.m)[entry].get().expect("a value"))
    }

    fn evict(&mut self, entry: usize, last: usize) {
        let values = self.values.get(&self.m);
        values[entry].set(&self.m, values[last].take(&self.m));
    }
}
