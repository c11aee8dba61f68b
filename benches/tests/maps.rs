//! `maps --quick`: each part of the benchmark of maps runs, and every map of this language takes part in it. Whether Java's takes part depends
//! on the machine.

use std::{collections::BTreeSet, process::Command};

/// Runs a part, and returns the cells of its tables: maps are lines of some, and columns of others.
fn cells(part: &str) -> BTreeSet<String> {
    let run = Command::new(env!("CARGO_BIN_EXE_maps")).args(["--quick", part]).output().unwrap();
    assert!(run.status.success(), "{part}: {}", String::from_utf8_lossy(&run.stderr));
    let printed = String::from_utf8(run.stdout).unwrap();
    printed.split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn each_map_takes_part_in_each() {
    // With a guard for 1000 operations papaya is the same map, so that it differs in neither growth nor memory.
    let maps = ["gc-core", "gc-core, in place", "papaya", "dashmap", "scc", "flurry", "std in 64 locks"];
    for part in ["speed", "latency", "growth", "memory"] {
        let cells = cells(part);
        let reused = (part == "speed").then_some("papaya, reused");
        for map in maps.into_iter().chain(reused) {
            assert!(cells.contains(map), "{map} is not in {part}: {cells:?}");
        }
    }
}
