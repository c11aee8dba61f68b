//! What a picture of a heap costs: `snapshot [MEBIBYTES]`, 1024 by default.
//!
//! A heap of trees, with a string at each tenth node: the pause in which the graph is taken, the time of the file for DevTools, and the memory of both.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use gc_benches::clock::{peak_memory, processor_time};
use gc_core::{Gc, Heap, Mutator, Trace, observe::Graph};

#[derive(Trace)]
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
    name: Option<Gc<'gc, str>>,
}

fn tree<'gc>(m: &'gc Mutator, depth: u32, number: &mut u64) -> Gc<'gc, Tree<'gc>> {
    let mut below = || (depth > 0).then(|| tree(m, depth - 1, number));
    let (left, right) = (below(), below());
    *number += 1;
    let name = number.is_multiple_of(10).then(|| m.alloc_str(&format!("node {number}")));
    m.alloc(Tree { left, right, name })
}

/// Counts bytes and forgets them: the disk is not measured.
struct Sink(u64);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() {
    let mebibytes: usize = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(1024);
    let heap = Heap::builder().idle_after(Duration::MAX).build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let mut forest = m.root(Vec::<Gc<'static, Tree<'static>>>::new());
    let mut number = 0;
    while heap.stats().old_bytes < mebibytes << 20 {
        forest.get_mut(&m).push(tree(&m, 16, &mut number));
        m.safepoint();
    }
    m.collect(gc_core::Collect::Full);
    let before = peak_memory();
    let (start, processor) = (Instant::now(), processor_time());
    let collections = heap.stats().pause_max;
    let graph = Graph::take(&mut m).expect("a graph");
    let taken = start.elapsed();
    let pause = heap.stats().pause_max.max(collections);
    let mut sink = Sink(0);
    let start = Instant::now();
    graph.write_heap_snapshot(&mut sink).expect("a sink");
    let written = start.elapsed();
    let processor = processor_time() - processor;
    println!(
        "{mebibytes} MiB, {} objects, {} pointers: taken in {:.2} s (pause {:.2} s), written in {:.2} s, {:.0} MiB; all {:.2} s    must 15",
        graph.node_count(),
        graph.edge_count(),
        taken.as_secs_f64(),
        pause.as_secs_f64(),
        written.as_secs_f64(),
        sink.0 as f64 / f64::from(1 << 20),
        (taken + written).as_secs_f64(),
    );
    let start = Instant::now();
    let lost = heap.dump_allocator_stats().fragmentation();
    println!(
        "figures of the allocator in {:.2} ms; {:.3} % of it free between objects",
        start.elapsed().as_secs_f64() * 1e3,
        lost * 100.0
    );
    println!(
        "processor time {:.2} s; peak memory {} MiB before, {} MiB with the graph",
        processor.as_secs_f64(),
        before >> 20,
        peak_memory() >> 20
    );
}
