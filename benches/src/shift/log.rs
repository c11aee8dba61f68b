//! What a contestant prints: samples of its resident size, and figures.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::clock::{Steps, peak_memory};

struct Sample {
    phase: usize,
    size: usize,
    allocated: usize,
    live: usize,
    resident: usize,
    end: bool,
}

/// Of one run. Makes room at its beginning, and allocates nothing after.
pub struct Log {
    begun: Instant,
    samples: Vec<Sample>,
    steps: Steps,
    asked: Vec<Duration>,
    /// How long the program slept between phases.
    pub rested: Duration,
    /// The same for every contestant.
    pub checksum: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

impl Log {
    /// The program begins.
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            samples: Vec::with_capacity(1000),
            steps: Steps::with_capacity(500_000),
            asked: Vec::with_capacity(100),
            rested: Duration::ZERO,
            checksum: 0,
        }
    }

    /// Runs a step and notes its time.
    #[inline]
    pub fn step(&mut self, step: impl FnOnce()) {
        let start = Instant::now();
        step();
        self.steps.push(start.elapsed());
    }

    /// Notes how long the contestant took for what it was asked at the end of a phase.
    pub fn asked(&mut self, time: Duration) {
        self.asked.push(time);
    }

    /// Reads the resident size within a phase.
    pub fn sample(&mut self, phase: usize, size: usize, allocated: usize, live: usize) {
        self.samples.push(Sample { phase, size, allocated, live, resident: resident(), end: false });
    }

    /// Reads the resident size at the end of a phase.
    pub fn end_of_phase(&mut self, phase: usize, size: usize, allocated: usize, live: usize) {
        self.samples.push(Sample { phase, size, allocated, live, resident: resident(), end: true });
    }

    /// Prints everything, for the script that compares.
    pub fn print(&self) {
        let time = (self.begun.elapsed() - self.rested).as_secs_f64();
        for Sample { phase, size, allocated, live, resident, end } in &self.samples {
            println!("sample,{phase},{size},{allocated},{live},{resident},{}", u8::from(*end));
        }
        let steps = self.steps.percentiles();
        let asked: Duration = self.asked.iter().sum();
        let longest = self.asked.iter().max().copied().unwrap_or_default();
        println!(
            "figures,{},{time},{},{},{},{},{},{},{}",
            self.checksum,
            steps.p50,
            steps.p99,
            steps.p999,
            steps.max,
            longest.as_nanos(),
            asked.as_nanos(),
            peak_memory()
        );
    }
}

/// Bytes that the process has resident.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse().ok());
    pages.unwrap_or(0) * 4096
}
