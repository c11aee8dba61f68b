//! What compaction costs a pause: `compaction [MEBIBYTES…]`, 64 and 256 by default.
//!
//! A heap of so many mebibytes of 64-byte nodes, each with two edges to others, of which one in thirty stays, at random. Then full
//! collections move what is left together. Printed: the pauses that end marking, with compaction and without it, in turns; and the
//! one pause of `Mutator::compact`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use gc_benches::{nodes::Node64, random::Random};
use gc_core::{Collect, Event, Gc, Heap, Level, Root, Slot, Step};

/// One in so many nodes stays.
const STAYS: usize = 30;
const ROUNDS: usize = 8;
/// Full collections of a sparse heap.
const COLLECTIONS: usize = 10;

/// Fills a heap, and lets most of it die. Returns the pauses that end marking, and the pause of a compaction.
fn run(mebibytes: usize, bytes: usize, pauses: &mut Vec<u64>) -> (u64, Duration, usize) {
    let ends = Arc::new(Mutex::new(Vec::new()));
    let told = ends.clone();
    let heap = Heap::builder()
        .compact_bytes(bytes)
        .on_event(Level::Debug, move |event| {
            if let Event::Pause { step: Step::Finish, pause, .. } = event {
                told.lock().expect("nobody panics").push(pause.as_nanos() as u64);
            }
        })
        .build()
        .expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let random = &mut Random::new(1);
    let nodes = (mebibytes << 20) / 64;
    let mut table: Root<Vec<Gc<Node64>>> = m.root(Vec::<Gc<Node64>>::new());
    let mut dying: Root<Vec<Gc<Node64>>> = m.root(Vec::<Gc<Node64>>::new());
    for index in 0..nodes {
        let other = |random: &mut Random| {
            let nodes = table.borrow(&m);
            nodes.get(random.below(nodes.len().max(1))).copied()
        };
        // Edges lead to nodes that stay.
        let next = [other(random), other(random)];
        let new = m.alloc(Node64 { words: [index as u64; 5], next: next.map(Slot::new) });
        let new = m.root(new);
        let kept = if random.below(STAYS) == 0 { &mut table } else { &mut dying };
        kept.get_mut(&m).push(new.get(&m));
        m.safepoint();
    }
    m.collect(Collect::Promote);
    drop(dying);
    m.collect(Collect::Full);
    ends.lock().expect("nobody panics").clear();
    for _ in 0..COLLECTIONS {
        m.collect(Collect::Full);
    }
    // The hook runs on the heap's thread.
    while ends.lock().expect("nobody panics").len() < COLLECTIONS {
        std::thread::yield_now();
    }
    pauses.append(&mut ends.lock().expect("nobody panics"));
    let moved = heap.stats().bytes_moved;
    let report = m.compact();
    (moved, report.pause, heap.memory_report().old_cells)
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).map(|arg| arg.parse().expect("mebibytes")).collect();
    for mebibytes in if sizes.is_empty() { vec![64, 256] } else { sizes } {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        let mut all = Vec::new();
        let mut live = 0;
        let mut moved = 0;
        for _ in 0..ROUNDS {
            run(mebibytes, 0, &mut without);
            let pause;
            (moved, pause, live) = run(mebibytes, 256 << 10, &mut with);
            all.push(pause.as_nanos() as u64);
        }
        let show = |name: &str, times: &mut Vec<u64>| {
            times.sort_unstable();
            let at = |part: f64| Duration::from_nanos(times[((times.len() - 1) as f64 * part) as usize]);
            println!(
                "{mebibytes:>5} MiB  {name:<28} p50 {:>10.1?}  p99 {:>10.1?}  worst {:>10.1?}",
                at(0.5),
                at(0.99),
                at(1.0)
            );
        };
        println!("{mebibytes:>5} MiB  {} KiB live, {} KiB moved in {COLLECTIONS} collections", live >> 10, moved >> 10);
        show("end of marking, without", &mut without);
        show("end of marking, 256 KiB moved", &mut with);
        show("compact, all at once", &mut all);
    }
}
