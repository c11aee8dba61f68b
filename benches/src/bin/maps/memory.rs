//! Resident memory of an entry.

use std::{env, fs, process::Command, process::ExitCode};

use super::{
    contestants::{NAMES, make, shuffled},
    print_head, print_row,
};

pub fn measure(quick: bool) {
    let sizes: &[u64] = if quick { &[100_000] } else { &[100_000, 700_000, 1_000_000, 1_500_000] };
    print_head("bytes an entry", sizes.iter().map(u64::to_string));
    for name in NAMES.iter().filter(|name| **name != "papaya, reused") {
        let of = |entries: &u64| {
            let program = env::current_exe().expect("this program");
            let output = Command::new(program).args(["memory-of", name, &entries.to_string()]).output();
            output.map_or_else(|error| error.to_string(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        print_row(name, sizes.iter().map(of));
    }
}

/// Measures a map in this process.
pub fn of(name: &str, entries: u64) -> ExitCode {
    let mut map = make(name);
    map.fill(&mut (0..10));
    let before = resident_bytes();
    map.fill(&mut shuffled(entries));
    map.collect();
    let each = |now: u64| now.saturating_sub(before) as f64 / entries as f64;
    let filled = each(resident_bytes());
    map.fill(&mut shuffled(entries));
    map.collect();
    print!("{filled:.1}, {:.1}", each(resident_bytes()));
    ExitCode::SUCCESS
}

fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
