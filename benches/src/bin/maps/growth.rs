//! Each insertion into a map that grows.

use std::{
    env,
    io::{self, Write},
    process::{Command, ExitCode, Stdio},
};

use super::{
    contestants::{NAMES, make},
    print_head, print_row,
};

/// Beside another thread the longest insertion is often the scheduler's: so a time is the least of some rounds, and the longest one of a round is shown as well.
/// Each round has a process: what gives back the memory of a map before it keeps the system from backing what the next one takes, for milliseconds.
pub fn measure(quick: bool) {
    let (keys, rounds) = if quick { (20_000, 1) } else { (10_000_000, 3) };
    let head = ["p50 ns", "p99.9 ns", "longest µs", "of one round µs"].map(str::to_owned);
    print_head(&format!("{keys} insertions"), head);
    for name in NAMES.iter().filter(|name| **name != "papaya, reused") {
        let mut least = vec![u32::MAX; keys];
        let mut longest = Vec::new();
        for _ in 0..rounds {
            let times = in_process(name, keys);
            assert_eq!(times.len(), keys, "a time for each insertion");
            longest.push(times.iter().copied().max().unwrap_or_default());
            least.iter_mut().zip(times).for_each(|(least, time)| *least = time.min(*least));
        }
        least.sort_unstable();
        let at = |part: f64| f64::from(least[((least.len() - 1) as f64 * part) as usize]);
        longest.sort_unstable();
        let of_one = f64::from(longest[rounds / 2]) / 1000.0;
        let figures = [format!("{:.0}", at(0.5)), format!("{:.0}", at(0.999)), format!("{:.1}", at(1.0) / 1000.0)];
        print_row(name, figures.into_iter().chain([format!("{of_one:.1}")]));
    }
}

/// Has another process time each insertion.
fn in_process(name: &str, keys: usize) -> Vec<u32> {
    let program = env::current_exe().expect("this program");
    let output = Command::new(program).args(["growth-of", name, &keys.to_string()]).stderr(Stdio::inherit()).output();
    let output = output.expect("this program runs again");
    output.stdout.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes"))).collect()
}

/// Times each insertion in this process, and writes the nanoseconds.
pub fn of(name: &str, keys: u64) -> ExitCode {
    let mut bytes = vec![0; 4 * keys as usize];
    make(name).time_each(keys, &mut |key, time| bytes[4 * key..][..4].copy_from_slice(&time.to_le_bytes()));
    match io::stdout().write_all(&bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
