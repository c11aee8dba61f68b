//! Pauses against the size of what lives: `live_churn [MEBIBYTES…]`, 64, 256 and 1024 by default.
//!
//! A table of cyclic live data, of which 100 MiB are replaced each second for some seconds, and until it was collected as a whole. Pauses must not grow with the table.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gc_benches::{
    clock::{Percentiles, peak_memory, processor_time},
    nodes::Node64,
    random::Random,
};
use gc_core::{Event, Gc, Heap, Level, Mutator, Root, Slot};

type Table = Root<Gc<'static, [Slot<'static, Node64<'static>>]>>;

const SECONDS: u64 = 6;
const BYTES_A_SECOND: u64 = 100 << 20;

/// Cuts a node off and puts a new one in its place, joined with another. Edges go both ways always, so what leaves the table is garbage.
fn replace(m: &Mutator, table: &Table, index: usize, random: &mut Random) {
    let slots = table.get(m);
    if let Some(old) = slots[index].get() {
        cut(m, old, 0);
        cut(m, old, 1);
    }
    let new = m.alloc(Node64 { words: [index as u64; 5], next: [Slot::null(), Slot::null()] });
    if let Some(other) = slots[random.below(slots.len())].get() {
        cut(m, other, 1);
        new.next[0].set(m, Some(other));
        other.next[1].set(m, Some(new));
    }
    slots[index].set(m, Some(new));
}

fn cut<'gc>(m: &'gc Mutator, node: Gc<'gc, Node64<'gc>>, side: usize) {
    if let Some(other) = node.next[side].get() {
        node.next[side].set(m, None);
        other.next[1 - side].set(m, None);
    }
}

fn run(mebibytes: usize) {
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let told = pauses.clone();
    let heap = Heap::builder()
        .on_event(Level::Debug, move |event| {
            if let Event::Pause { step, pause, .. } = event {
                told.lock().expect("nobody panics").push((*step, pause.as_nanos() as u64));
            }
        })
        .build()
        .expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let random = &mut Random::new(1);
    let nodes = (mebibytes << 20) / 64;
    let table = m.root(m.alloc_slice_with(nodes, |_| Slot::<Node64>::null()));
    for index in 0..nodes {
        replace(&m, &table, index, random);
        m.safepoint();
    }
    m.collect(gc_core::Collect::Full);
    pauses.lock().expect("nobody panics").clear();
    let (start, processor, before) = (Instant::now(), processor_time(), heap.stats());
    let mut replaced = 0_u64;
    // A large heap is not full again for a while.
    let collected = || heap.stats().collections.full - before.collections.full > 1;
    while start.elapsed() < Duration::from_secs(SECONDS)
        || (!collected() && start.elapsed() < Duration::from_secs(5 * SECONDS))
    {
        for _ in 0..64 {
            replace(&m, &table, random.below(nodes), random);
            m.safepoint();
        }
        replaced += 64;
        while replaced * 64 > start.elapsed().as_millis() as u64 * BYTES_A_SECOND / 1000 {
            m.safepoint();
            std::hint::spin_loop();
        }
    }
    let stats = heap.stats();
    let all = pauses.lock().expect("nobody panics").clone();
    let of = |wanted: Option<gc_core::Step>| {
        let some = all.iter().filter(|(step, _)| wanted.is_none_or(|wanted| wanted == *step)).map(|&(_, pause)| pause);
        Percentiles::of(some.collect())
    };
    let (every, begin, finish) = (of(None), of(Some(gc_core::Step::Begin)), of(Some(gc_core::Step::Finish)));
    let ms = |nanos: u64| nanos as f64 / 1e6;
    println!(
        "{mebibytes:5} MiB live: {} pauses, p50 {:.2} p99 {:.2} p99.9 {:.2} worst {:.2} ms; begin p50 {:.2} worst {:.2}, finish p50 {:.2} worst {:.2} ms; \
         {} full collections, {:.1} MiB/s replaced, processor {:.2} s a second, old {:.2} x live, peak {:.0} MiB    must p99.9 3",
        all.len(),
        ms(every.p50),
        ms(every.p99),
        ms(every.p999),
        ms(every.max),
        ms(begin.p50),
        ms(begin.max),
        ms(finish.p50),
        ms(finish.max),
        stats.collections.full - before.collections.full,
        (replaced * 64) as f64 / start.elapsed().as_secs_f64() / f64::from(1 << 20),
        (processor_time() - processor).as_secs_f64() / start.elapsed().as_secs_f64(),
        stats.old_bytes as f64 / before.old_bytes as f64,
        peak_memory() as f64 / f64::from(1 << 20),
    );
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    for &size in if sizes.is_empty() { &[64, 256, 1024][..] } else { &sizes } {
        run(size);
    }
}
