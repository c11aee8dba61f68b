//! What a series found, as it is written to a file.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

/// A series.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// The machine.
    pub machine: String,
    /// When it ended, in seconds since 1970.
    pub ended: u64,
    /// Rounds that were asked for.
    pub rounds: usize,
    /// Whether two busy processes ran beside.
    pub busy: bool,
    /// Whether the sizes are those for tests.
    pub quick: bool,
    /// What the contestants are, by name.
    pub contestants: BTreeMap<String, String>,
    /// Those that could not run, and why.
    pub missing: Vec<String>,
    /// By workload.
    pub workloads: Vec<Runs>,
}

/// All runs of a workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Runs {
    /// The workload.
    pub name: String,
    /// The workload, for people.
    pub title: String,
    /// Its sizes.
    pub sizes: Vec<u64>,
    /// What all contestants agree on.
    pub checksum: String,
    /// Who took part, the fastest first.
    pub entries: Vec<Entry>,
    /// What one must know: who does not take part, and why.
    pub notes: Vec<String>,
    /// Runs that failed or disagreed.
    pub failures: Vec<String>,
}

/// The runs of a contestant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The contestant.
    pub contestant: String,
    /// Each figure's median over the rounds.
    pub median: Figures,
    /// The rounds.
    pub rounds: Vec<Figures>,
}

/// What a run took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Seconds.
    pub wall_s: f64,
    /// Seconds of processor time, of the whole process.
    pub cpu_s: f64,
    /// Peak resident memory.
    pub peak_mib: f64,
    /// Of the steps, where the workload has them.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Steps>,
}

/// How long steps took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// Half are shorter.
    pub p50_us: f64,
    /// 99 % are shorter.
    pub p99_us: f64,
    /// 99.9 % are shorter.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
}

/// The line that a contestant prints.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Line {
    /// What all agree on.
    pub checksum: String,
    /// Seconds.
    pub wall_s: f64,
    /// Of the steps, where the workload has them.
    #[serde(flatten)]
    pub steps: Option<Steps>,
}

impl Figures {
    /// The median of each figure; of an even number of rounds the lower.
    pub fn median(rounds: &[Self]) -> Self {
        fn middle<T>(rounds: &[T], figure: impl Fn(&T) -> f64) -> f64 {
            let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
        }
        let steps: Vec<Steps> = rounds.iter().filter_map(|round| round.steps).collect();
        Self {
            wall_s: middle(rounds, |round| round.wall_s),
            cpu_s: middle(rounds, |round| round.cpu_s),
            peak_mib: middle(rounds, |round| round.peak_mib),
            steps: (!steps.is_empty()).then(|| Steps {
                p50_us: middle(&steps, |steps| steps.p50_us),
                p99_us: middle(&steps, |steps| steps.p99_us),
                p999_us: middle(&steps, |steps| steps.p999_us),
                max_us: middle(&steps, |steps| steps.max_us),
            }),
        }
    }
}

impl Runs {
    /// The entry of a contestant.
    pub fn of(&self, contestant: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.contestant == contestant)
    }
}

impl Results {
    /// What failed or disagreed, with its workload.
    pub fn failures(&self) -> Vec<String> {
        let of =
            |runs: &Runs| runs.failures.iter().map(|failure| format!("{} {failure}", runs.name)).collect::<Vec<_>>();
        self.workloads.iter().flat_map(of).collect()
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// One that cannot be read, or that [`write`](Self::write) has not written.
    pub fn read(path: &Path) -> Result<Self, String> {
        read_json(path)
    }

    /// Writes a file.
    ///
    /// # Errors
    ///
    /// One that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        write_json(self, path)
    }
}

/// Reads a file.
pub(crate) fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, String> {
    let name = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| name(&error))?;
    serde_json::from_str(&text).map_err(|error| name(&error))
}

/// Writes a value as a file of JSON.
pub(crate) fn write_json(value: &impl Serialize, path: &Path) -> Result<(), String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_each_figure() {
        let round = |wall_s, max_us| Figures {
            wall_s,
            steps: Some(Steps { max_us, ..Steps::default() }),
            ..Figures::default()
        };
        let median = Figures::median(&[round(3.0, 1.0), round(1.0, 3.0), round(2.0, 2.0)]);
        assert_eq!(median, round(2.0, 2.0));
        assert_eq!(Figures::median(&[round(1.0, 1.0), round(9.0, 9.0)]), round(1.0, 1.0));
    }

    #[test]
    fn the_line_of_a_contestant_is_read() {
        let line = r#"{"checksum": "42", "wall_s": 0.5}"#;
        let without: Line = serde_json::from_str(line).unwrap();
        assert_eq!(without, Line { checksum: "42".to_owned(), wall_s: 0.5, steps: None });
        let line = r#"{"checksum": "42", "wall_s": 5e-1, "p50_us": 1, "p99_us": 2.5, "p999_us": 3, "max_us": 4}"#;
        let with: Line = serde_json::from_str(line).unwrap();
        assert_eq!(with.steps, Some(Steps { p50_us: 1.0, p99_us: 2.5, p999_us: 3.0, max_us: 4.0 }));
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let figures = Figures { wall_s: 0.25, steps: Some(Steps::default()), ..Figures::default() };
        let entry = Entry { contestant: "box".to_owned(), median: figures, rounds: vec![figures, Figures::default()] };
        let results = serde_json::to_string(&entry).unwrap();
        let read: Entry = serde_json::from_str(&results).unwrap();
        assert_eq!((read.median, read.rounds), (entry.median, entry.rounds));
    }
}
