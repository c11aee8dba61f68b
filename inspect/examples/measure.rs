//! Measures what the steps of `gc-inspect` take: seconds of the clock and of the processor, and the most memory until then.
//!
//! `cargo run --release -p gc-inspect --example measure -- FILE.heapsnapshot`

use std::{env, error::Error, fs, time::Instant};

use gc_inspect::Snapshot;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("expected a heap snapshot")?;
    println!("{:<12} {:>8} {:>10} {:>10}", "step", "clock s", "processor s", "peak MiB");
    let snapshot = step("read", || Snapshot::open(&path))??;
    println!("             {} nodes, {} edges", snapshot.node_count(), snapshot.edge_count());
    let graph = step("graph", || snapshot.into_graph())??;
    let dominators = step("dominators", || graph.dominators())?;
    step("by type", || dominators.retained_by_type())?;
    Ok(())
}

fn step<T>(name: &str, work: impl FnOnce() -> T) -> Result<T, Box<dyn Error>> {
    let (clock, processor) = (Instant::now(), processor_ticks()?);
    let done = work();
    let used = processor_ticks()? - processor;
    // A tick is a hundredth of a second on Linux.
    println!("{name:<12} {:>8.2} {:>10.2} {:>10}", clock.elapsed().as_secs_f64(), used as f64 / 100.0, peak()? >> 10);
    Ok(done)
}

/// What the process has used of the processor.
fn processor_ticks() -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name of the process")?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
}

/// The most resident memory so far, in KiB.
fn peak() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
