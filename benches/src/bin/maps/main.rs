//! Concurrent maps beside each other: `maps [--quick] [speed] [latency] [growth] [memory]`, all four by default.
//!
//! Keys and values are words, and all hash by the same fast function with a fixed seed. Contestants are measured in turns, each time on a new map, and
//! figures are medians of the rounds. `papaya` makes a guard for each operation, and `papaya, reused` one for 1000; a mutator reaches a safepoint after
//! each operation, of which no time includes a pause: a thread that is in an operation is not stopped. Java takes part if `java` and `javac` are in the path.
//!
//! | | |
//! |---|---|
//! | `speed` | nanoseconds of an operation of each thread, and, in brackets, of processor time: of the whole process, collections included, but of Java's only that of the threads. The map has all keys at first. Of 100 operations so many are look-ups; the others replace, remove and put back, in turns. Keys are drawn uniformly, or by Zipf's law |
//! | `latency` | single operations of two threads, of which every 16th is timed |
//! | `growth` | each insertion of new keys in an empty map, in a process of its own. What the scheduler adds is different in each round: a time is the least of the rounds |
//! | `memory` | resident bytes an entry, in a process of its own, when the map has been filled, and when all its values have been replaced once |

mod contestants;
mod growth;
mod in_heap;
mod java;
mod keys;
mod latency;
mod memory;
mod speed;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["memory-of", name, entries] = arguments[..] {
        return memory::of(name, entries.parse().expect("a number of entries"));
    }
    if let ["growth-of", name, keys] = arguments[..] {
        return growth::of(name, keys.parse().expect("a number of keys"));
    }
    let all = arguments.len();
    arguments.retain(|&argument| argument != "--quick");
    let quick = arguments.len() < all;
    if arguments.is_empty() {
        arguments = vec!["speed", "latency", "growth", "memory"];
    }
    for argument in arguments {
        match argument {
            "speed" => speed::measure(quick),
            "latency" => latency::measure(quick),
            "growth" => growth::measure(quick),
            "memory" => memory::measure(quick),
            other => {
                eprintln!("expected speed, latency, growth, memory or --quick, found {other}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The median of some numbers.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Prints a line of a table.
fn print_row(name: &str, cells: impl IntoIterator<Item = String>) {
    println!("| {name:24} |{}", cells.into_iter().map(|cell| format!(" {cell:>15} |")).collect::<String>());
}

fn print_head(name: &str, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    println!("\n| {name:24} |{}", cells.iter().map(|cell| format!(" {cell:>15} |")).collect::<String>());
    println!("|---|{}", "--:|".repeat(cells.len()));
}
