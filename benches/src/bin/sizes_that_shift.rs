//! A program that lives long and whose sizes change by phase, so that what is kept of one phase lies where the next finds no room.
//!
//! There are 24 phases. Each allocates 256 MiB of records of one size: 24 bytes in the first, then 40, 72, 104, 136, 168, 210, and
//! back. The newest 64 MiB are in a window, in batches of 512 records. As a batch leaves the window some of its records are kept: they
//! are linked into the chains of a hash table, which lives until the next phase but one begins. At the end of a phase the window
//! is emptied, and the chains are gone through: about 1 MiB lives. The variants differ by what is kept and by what is allocated:
//!
//! - `random`: one record in 500, at random;
//! - `runs`: 500 in a row of each 250 000;
//! - `cache`: there is no window; 64 MiB of values are in a cache. An insertion evicts others at random until there is room, and one
//!   is read at random. The sizes of a phase are 96 to 119 bytes, then from 136, 192, 272, 384, 544 and 768, and back.
//!
//! A step is a batch that comes and one that leaves, or 512 insertions. The resident size is read eight times in a phase, and at its end
//! after 50 ms of sleep. `sizes_that_shift CONTESTANT VARIANT` runs one contestant once;
//! `python3 benches/peers/sizes_that_shift/run.py` runs all of them in turns: also other allocators, and other languages.

use std::process::ExitCode;

use gc_benches::shift::{boxes, collected};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let log = match &arguments[..] {
        [contestant, variant] if contestant == "malloc" => boxes::run(variant, || ()),
        [contestant, variant] => {
            let found = collected::ASKS.iter().find(|(name, _)| name == contestant);
            found.and_then(|&(_, ask)| collected::run(variant, ask))
        }
        _ => None,
    };
    if let Some(log) = log {
        log.print();
        return ExitCode::SUCCESS;
    }
    eprintln!("expected CONTESTANT VARIANT. Variants: random, runs, cache. Contestants:");
    collected::ASKS.iter().for_each(|(name, _)| println!("{name}"));
    println!("malloc");
    ExitCode::FAILURE
}
