//! Whole programs: contestants take turns, each in a process of its own, so that each has its own peak of memory.
//!
//! A program calls [`run`] from `main`. Started by hand it starts itself once for each contestant and round, and prints a
//! table of the fastest runs, with the time as a multiple of the first contestant's.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::clock::{Percentiles, Steps, peak_memory, processor_time};

/// One way to write the program.
pub struct Contestant {
    /// What it is written with.
    pub name: &'static str,
    /// The program: a checksum that all contestants agree on, and the durations of its steps if they matter.
    pub run: fn() -> Outcome,
    /// The most times the time of the contestant named, for `--check`.
    pub at_most: Option<(f64, &'static str)>,
}

/// What a run of the program says.
pub struct Outcome {
    /// The same for every contestant.
    pub checksum: u64,
    /// Durations of steps.
    pub steps: Option<Steps>,
}

impl Outcome {
    /// A program whose steps do not matter.
    pub fn of(checksum: u64) -> Self {
        Self { checksum, steps: None }
    }
}

#[derive(Clone, Default)]
struct Figures {
    checksum: u64,
    time: f64,
    processor: f64,
    peak: f64,
    steps: Option<[u64; 8]>,
}

/// Runs the contest that the arguments ask for: `[--rounds N] [--check] [CONTESTANT…]`.
pub fn run(name: &str, contestants: &[Contestant]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [only, contestant] = &arguments[..]
        && only == "--only"
    {
        let contestant = contestants.iter().find(|c| c.name == contestant).expect("a contestant's name");
        return only_one(contestant);
    }
    let mut rounds = 3;
    let mut check = false;
    let mut names = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().and_then(|n| n.parse().ok()).expect("--rounds and a number"),
            "--check" => check = true,
            name => names.push(name.to_owned()),
        }
    }
    let taking_part: Vec<&Contestant> =
        contestants.iter().filter(|c| names.is_empty() || names.iter().any(|name| name == c.name)).collect();
    let mut best = vec![Figures { time: f64::INFINITY, ..Figures::default() }; taking_part.len()];
    for _ in 0..rounds {
        for (contestant, best) in taking_part.iter().zip(&mut best) {
            let figures = start(contestant.name);
            if figures.time < best.time {
                *best = figures;
            }
        }
    }
    println!("{name}, fastest of {rounds}");
    println!("  {:24} {:>9} {:>9} {:>9} {:>7}", "", "time s", "cpu s", "peak MiB", "ratio");
    let first = best.first().map_or(1.0, |figures| figures.time);
    for (contestant, figures) in taking_part.iter().zip(&best) {
        let Figures { time, processor, peak, .. } = figures;
        println!("  {:24} {time:9.3} {processor:9.3} {peak:9.1} {:7.2}", contestant.name, time / first);
        if let Some([p50, p99, p999, max, m50, m99, m999, mmax]) = figures.steps {
            let us = |n: u64| n as f64 / 1e3;
            println!(
                "  {:24} step us: p50 {:.2} p99 {:.2} p99.9 {:.2} max {:.1}; metered: p50 {:.2} p99 {:.2} p99.9 {:.2} max {:.1}",
                "",
                us(p50),
                us(p99),
                us(p999),
                us(max),
                us(m50),
                us(m99),
                us(m999),
                us(mmax)
            );
        }
    }
    let same = best.windows(2).all(|pair| pair[0].checksum == pair[1].checksum);
    assert!(same, "the contestants disagree: {:?}", best.iter().map(|f| f.checksum).collect::<Vec<_>>());
    let mut over = false;
    for (contestant, figures) in taking_part.iter().zip(&best) {
        let Some((limit, other)) = contestant.at_most else { continue };
        let Some(index) = taking_part.iter().position(|c| c.name == other) else { continue };
        let ratio = figures.time / best[index].time;
        let verdict = if ratio <= limit { "ok" } else { "OVER" };
        over |= ratio > limit;
        println!("  {} is {ratio:.2} x {other}, at most {limit}: {verdict}", contestant.name);
    }
    if check && over {
        std::process::exit(1);
    }
}

/// Runs one contestant in this process and prints its figures for [`start`].
fn only_one(contestant: &Contestant) {
    let start = Instant::now();
    let outcome = (contestant.run)();
    let time = start.elapsed();
    let processor = processor_time();
    let steps = outcome.steps.map_or(String::new(), |steps| {
        let fields = |p: Percentiles| format!(" {} {} {} {}", p.p50, p.p99, p.p999, p.max);
        fields(steps.percentiles()) + &fields(steps.metered())
    });
    let seconds = |duration: Duration| duration.as_secs_f64();
    let peak = peak_memory() as f64 / f64::from(1 << 20);
    println!("figures {} {} {} {peak}{steps}", outcome.checksum, seconds(time), seconds(processor));
}

fn start(contestant: &str) -> Figures {
    let this = std::env::current_exe().expect("the path of this program");
    let output = Command::new(this).args(["--only", contestant]).output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("figures "));
    let Some(line) = line else {
        panic!("{contestant} failed: {}", String::from_utf8_lossy(&output.stderr));
    };
    let fields: Vec<&str> = line.split(' ').collect();
    let number = |index: usize| fields[index].parse::<f64>().expect("a number");
    let steps: Vec<u64> = fields[4..].iter().map(|field| field.parse().expect("a number")).collect();
    Figures {
        checksum: fields[0].parse().expect("a checksum"),
        time: number(1),
        processor: number(2),
        peak: number(3),
        steps: steps.try_into().ok(),
    }
}
