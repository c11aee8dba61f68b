//! What a run says.

use std::time::{Duration, Instant};

use gc_benches::clock::Steps;

/// A checksum, and the moment at which it was known.
pub struct Outcome {
    checksum: u64,
    ended: Instant,
    steps: Option<Steps>,
}

impl Outcome {
    /// A workload whose steps do not matter. It ends now: what the caller drops afterwards is not measured.
    pub fn of(checksum: u64) -> Self {
        Self { checksum, ended: Instant::now(), steps: None }
    }

    /// A workload of steps. It ends now.
    pub fn with_steps(checksum: u64, steps: Steps) -> Self {
        Self { steps: Some(steps), ..Self::of(checksum) }
    }

    /// The line that a contestant prints.
    pub fn line(&self, started: Instant) -> String {
        let us = |nanoseconds: u64| nanoseconds as f64 / 1e3;
        let seconds = |duration: Duration| duration.as_secs_f64();
        let steps = self.steps.as_ref().map_or(String::new(), |steps| {
            let p = steps.percentiles();
            format!(
                ", \"p50_us\": {}, \"p99_us\": {}, \"p999_us\": {}, \"max_us\": {}",
                us(p.p50),
                us(p.p99),
                us(p.p999),
                us(p.max)
            )
        });
        format!("{{\"checksum\": \"{}\", \"wall_s\": {}{steps}}}", self.checksum, seconds(self.ended - started))
    }
}
