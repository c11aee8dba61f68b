//! What a census costs: `census [MILLIONS…]`, 10 by default.
//!
//! A heap of so many millions of old objects of five types: binary trees, numbers, texts, slices. Then full collections, without a census
//! and with one, in turns: processor time of the whole process, wall time, and the longest pause. After that the same with a nursery full
//! of small objects, of which half are garbage.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gc_benches::{
    clock::{Percentiles, processor_time},
    nodes::{Leaf24, Leaf32, Node32, Node64},
    random::Random,
};
use gc_core::{Collect, Event, Gc, Heap, Level, Mutator, Root, Slot, observe::Census};

const ROUNDS: usize = 9;
/// Objects that hang on one slice.
const SLICE: usize = 1000;

type Pauses = Arc<Mutex<Vec<Duration>>>;

/// One object that leads to `next`, or to nothing.
enum Object<'gc> {
    Tree(Gc<'gc, Node32<'gc>>),
    Small(Gc<'gc, Leaf24>),
    Number(Gc<'gc, Leaf32>),
    Wide(Gc<'gc, Node64<'gc>>),
    Text(Gc<'gc, str>),
}

fn object<'gc>(m: &'gc Mutator, random: &mut Random, last: Option<Gc<'gc, Node32<'gc>>>) -> Object<'gc> {
    match random.below(10) {
        0..4 => Object::Tree(m.alloc(Node32 { value: 1, left: last, right: None })),
        4..6 => Object::Small(m.alloc(Leaf24 { words: [1; 2] })),
        6 => Object::Number(m.alloc(Leaf32 { words: [1; 3] })),
        7 => Object::Wide(m.alloc(Node64 { words: [1; 5], next: [const { Slot::null() }; 2] })),
        _ => Object::Text(m.alloc_str(&"a text of some length, but not always the same"[..8 + random.below(32)])),
    }
}

/// Slices of pointers to the objects of each type.
#[derive(Default)]
struct Table {
    trees: Vec<Root<Gc<'static, [Gc<'static, Node32<'static>>]>>>,
    small: Vec<Root<Gc<'static, [Gc<'static, Leaf24>]>>>,
    numbers: Vec<Root<Gc<'static, [Gc<'static, Leaf32>]>>>,
    wide: Vec<Root<Gc<'static, [Gc<'static, Node64<'static>>]>>>,
    texts: Vec<Root<Gc<'static, [Gc<'static, str>]>>>,
}

fn fill(m: &mut Mutator, objects: usize) -> Table {
    let (mut table, random) = (Table::default(), &mut Random::new(1));
    for _ in 0..objects / SLICE {
        let (mut trees, mut small, mut numbers, mut wide, mut texts) = (vec![], vec![], vec![], vec![], vec![]);
        for _ in 0..SLICE {
            match object(m, random, trees.last().copied()) {
                Object::Tree(tree) => trees.push(tree),
                Object::Small(leaf) => small.push(leaf),
                Object::Number(leaf) => numbers.push(leaf),
                Object::Wide(node) => wide.push(node),
                Object::Text(text) => texts.push(text),
            }
        }
        table.trees.push(m.root(m.alloc_slice_copy(&trees)));
        table.small.push(m.root(m.alloc_slice_copy(&small)));
        table.numbers.push(m.root(m.alloc_slice_copy(&numbers)));
        table.wide.push(m.root(m.alloc_slice_copy(&wide)));
        table.texts.push(m.root(m.alloc_slice_copy(&texts)));
        m.safepoint();
    }
    table
}

/// What a collection took.
#[derive(Default)]
struct Figures {
    processor: Vec<u64>,
    wall: Vec<u64>,
    pauses: Vec<u64>,
    sweeping: Vec<u64>,
}

impl Figures {
    fn add(&mut self, pauses: &Pauses, collect: impl FnOnce() -> Duration) {
        pauses.lock().expect("nobody panics").clear();
        let (start, before) = (Instant::now(), processor_time());
        let sweeping = collect();
        self.processor.push((processor_time() - before).as_nanos() as u64);
        self.wall.push(start.elapsed().as_nanos() as u64);
        self.sweeping.push(sweeping.as_nanos() as u64);
        // The hook runs on a thread of the heap, in order.
        while pauses.lock().expect("nobody panics").len() < 2 {
            std::thread::yield_now();
        }
        let longest = pauses.lock().expect("nobody panics").iter().copied().max().unwrap_or_default();
        self.pauses.push(longest.as_nanos() as u64);
    }

    fn show(&self, name: &str, must: &str) {
        let [processor, wall, sweeping] =
            [&self.processor, &self.wall, &self.sweeping].map(|of| Percentiles::of(of.clone()).p50 as f64 / 1e6);
        let pauses = Percentiles::of(self.pauses.clone());
        println!(
            "{name:<36} processor {processor:>7.0} ms  wall {wall:>7.0} ms  sweep {sweeping:>6.1} ms  pause p50 {:>6.2} ms, worst {:>6.2} ms{must}",
            pauses.p50 as f64 / 1e6,
            pauses.max as f64 / 1e6,
        );
    }
}

fn run(millions: usize) {
    let pauses = Pauses::default();
    let told = pauses.clone();
    let heap = Heap::builder()
        .idle_after(Duration::MAX)
        .on_event(Level::Debug, move |event| {
            if let Event::Pause { pause, .. } = event {
                told.lock().expect("nobody panics").push(*pause);
            }
        })
        .build()
        .expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let table = fill(&mut m, millions * 1_000_000);
    m.collect(Collect::Full);
    println!("{}", Census::take(&mut m));
    for nursery in [false, true] {
        let (mut without, mut with) = (Figures::default(), Figures::default());
        for _ in 0..ROUNDS {
            for census in [false, true] {
                let mut young = Vec::new();
                if nursery {
                    while !m.safepoint_pending() {
                        young.push(m.root(m.alloc(Leaf24 { words: [2; 2] })));
                        m.alloc(Leaf24 { words: [3; 2] });
                    }
                }
                if census {
                    with.add(&pauses, || Census::take(&mut m).collection().sweeping);
                } else {
                    without.add(&pauses, || m.collect(Collect::Full).sweeping);
                }
                drop(young);
            }
        }
        let young = if nursery { ", nursery full" } else { "" };
        without.show(&format!("{millions} million{young}, collection"), "");
        with.show(&format!("{millions} million{young}, census"), "    must processor < 1 s at 10 million");
    }
    drop(table);
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).map(|arg| arg.parse().expect("millions")).collect();
    for millions in if sizes.is_empty() { vec![10] } else { sizes } {
        run(millions);
    }
}
