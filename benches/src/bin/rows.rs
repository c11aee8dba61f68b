//! The rows of `numbers.md` that one mutator has, side by side with their yardsticks: `rows [NAME PART]`.
//!
//! Operations take turns with their yardsticks, ten rounds; what is printed is the fastest of each. `--check` fails where a ratio is over
//! its limit: ratios hold where times drift.

use std::collections::BTreeMap;

use gc_benches::{
    clock::Percentiles,
    collections::{self, Shape},
    paths::path,
};

/// An operation, the yardstick it takes turns with, and what `numbers.md` asks for.
struct Row {
    name: &'static str,
    yard: &'static str,
    must: &'static str,
    /// The most times the yardstick's time that is allowed, for `--check`.
    at_most: Option<f64>,
}

const fn row(name: &'static str, yard: &'static str, must: &'static str) -> Row {
    Row { name, yard, must, at_most: None }
}

const ROWS: &[Row] = &[
    row("alloc_24", "arena_24", ""),
    row("alloc_32", "arena_32", "<= 6 ns"),
    row("alloc_128", "arena_128", ""),
    row("alloc_32_drop", "box_32", "<= 8 ns"),
    row("alloc_24", "box_24", ""),
    row("alloc_32", "box_32", ""),
    row("alloc_128", "box_128", ""),
    row("alloc_slice_3", "box_32", ""),
    row("alloc_str_16", "box_32", ""),
    row("alloc_64_kib", "box_64_kib", ""),
    row("safepoint", "nothing", "<= 0.2 ns"),
    Row { name: "gc_deref", yard: "raw_deref", must: "plain load", at_most: Some(1.3) },
    Row { name: "slot_get", yard: "raw_deref", must: "plain load", at_most: Some(1.3) },
    row("slot_set_young", "plain_store", "+0.6 ns"),
    row("slot_set_old", "plain_store", "+1.0 ns"),
    row("slot_set_old_again", "plain_store", ""),
    row("slot_set_first", "plain_store", "<= 8 ns"),
    row("slot_set_marking", "plain_store", "<= 8 ns"),
    row("cell_get", "std_cell_get", ""),
    row("cell_set", "std_cell_set", ""),
    row("cell_borrow", "refcell_borrow", ""),
    Row { name: "cell_borrow_mut", yard: "refcell_borrow_mut", must: "<= 2 x", at_most: Some(2.0) },
    Row { name: "cell_borrow_mut_gc_young", yard: "refcell_borrow_mut", must: "<= 2 x", at_most: Some(2.0) },
    Row { name: "cell_borrow_mut_gc_old", yard: "refcell_borrow_mut", must: "<= 2 x", at_most: Some(2.0) },
    row("cell_set_gc_young", "refcell_borrow_mut", "<= 2 x"),
    row("cell_set_gc_old", "refcell_borrow_mut", "<= 2 x"),
    row("root_create_drop", "rc_clone_drop", "<= 6 ns"),
    row("root_get", "nothing", ""),
    row("blocked", "nothing", "<= 20 ns"),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = arguments.iter().any(|argument| argument == "--check");
    let part = arguments.iter().find(|argument| *argument != "--check").map_or("", String::as_str);
    let mut over = 0;
    println!("{:26} {:>10} {:>10} {:>10}   must", "operation", "ns", "yardstick", "ratio");
    for row in ROWS.iter().filter(|row| row.name.contains(part)) {
        let each = times(&[row.name, row.yard]);
        let (ours, yard) = (each[row.name], each[row.yard]);
        let ratio = ours / yard;
        let verdict = match row.at_most {
            Some(limit) if ratio > limit => {
                over += 1;
                "OVER"
            }
            _ => "",
        };
        println!("{:26} {ours:10.2} {yard:10.2} {ratio:10.2}   {} ({}) {verdict}", row.name, row.must, row.yard);
    }
    collections(part);
    if check && over > 0 {
        eprintln!("{over} operations are over the ratio that is allowed");
        std::process::exit(1);
    }
}

/// The fastest of ten rounds, in turns: nanoseconds for each.
fn times(names: &[&'static str]) -> BTreeMap<&'static str, f64> {
    let mut fastest = BTreeMap::new();
    for _ in 0..10 {
        for &name in names {
            let path = path(name).unwrap_or_else(|| panic!("no operation {name}"));
            let count = if name.ends_with("kib") { 2_000 } else { 1_000_000 };
            let each = (path.run)(count).as_nanos() as f64 / count as f64;
            let least = fastest.entry(name).or_insert(f64::INFINITY);
            *least = f64::min(*least, each);
        }
    }
    fastest
}

fn collections(part: &str) {
    const OBJECTS: usize = (4 << 20) / 32;
    if !"collections".contains(part) && !part.is_empty() {
        return;
    }
    let plain = collections::plain_copy(OBJECTS, 20);
    println!("plain copy of 4 MiB            {:6.2} GB/s {:6.2} ns each", plain.gigabytes(), plain.each());
    println!("empty young collection         {:6.2} us", collections::empty(200).time.as_nanos() as f64 / 1e3);
    for shape in [Shape::List, Shape::Tree, Shape::Scattered, Shape::Shuffled] {
        for (what, each, objects) in [
            ("copy 4 MiB", collections::copy as fn(_, _, _, _) -> _, OBJECTS),
            ("copy 32 MiB", collections::copy, 8 * OBJECTS),
            ("promote 4 MiB", collections::promote, OBJECTS),
        ] {
            let [one, two] = [1, 2].map(|workers| each(shape, objects, 20, workers));
            println!(
                "{what:13} {shape:?}    must 2.0, aim 3.0; 2 workers x 1.5    {:.2} GB/s, 2 workers {:.2} GB/s, x {:.2}, {:.0} % by the helper",
                one.gigabytes(),
                two.gigabytes(),
                two.gigabytes() / one.gigabytes(),
                100.0 * two.helped as f64 / two.bytes as f64
            );
        }
    }
    for (one_in, live) in [(10, "10 %"), (1, "100 %")] {
        for workers in [1, 2] {
            let pauses = Percentiles::of(collections::young_pauses(one_in, 200, workers));
            println!(
                "young pause of 4 MiB, {live} live, {workers} workers    must p50 0.4 / worst 3 ms    p50 {:.3} p99 {:.3} worst {:.3} ms",
                pauses.p50 as f64 / 1e6,
                pauses.p99 as f64 / 1e6,
                pauses.max as f64 / 1e6
            );
        }
    }
    let sweep = collections::sweep(256 << 20, 3);
    println!(
        "sweep 256 MiB    must 20 GB/s  {:6.2} GB/s {:.2} ms",
        sweep.gigabytes(),
        sweep.time.as_nanos() as f64 / 1e6
    );
    for (local, must) in [(true, 20), (false, 12)] {
        let objects = 2_000_000;
        let [one, two] = [1, 2].map(|workers| collections::mark(local, objects, workers, 5));
        println!(
            "mark {objects} of 64 B, local {local}    must {must} M/s  {:6.2} M/s {:6.2} ns each, on 2 threads {:6.2} M/s",
            one.mega_objects(),
            one.each(),
            two.mega_objects()
        );
    }
}
