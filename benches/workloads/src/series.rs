//! A series: contestants take turns, round by round, each run in a process of its own on memory that is warm.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{
    Workload,
    conditions::{Busy, machine, warm},
    contestant::{Contestant, field, workloads},
    process::{TOO_LONG, measure},
    results::{Entry, Figures, Line, Results, Runs},
};

/// What a series runs.
pub struct Series {
    /// How often each contestant runs.
    pub rounds: usize,
    /// Whether two busy processes run beside.
    pub busy: bool,
    /// Whether the sizes are those for tests.
    pub quick: bool,
    /// Whether memory is touched by another process before each run.
    pub warm: bool,
    /// The workloads, by name; none: all.
    pub workloads: Vec<String>,
    /// The contestants, by name; none: all.
    pub contestants: Vec<String>,
    /// A run that takes longer is ended and counts as failed.
    pub timeout: Duration,
    /// Where results, and what is built for other languages, go.
    pub output: PathBuf,
}

/// A contestant that takes more seconds in its first round, both elapsed and of the processor, runs no further ones.
const ONCE: f64 = 5.0;

/// Memory that is warmed while nothing is known of what contestants take.
const FIRST_WARM: u64 = 1 << 30;

impl Series {
    /// Runs it. `tell` gets a line for each run.
    ///
    /// # Errors
    ///
    /// Names that are none. Runs that fail are notes in the results.
    pub fn run(&self, mut tell: impl FnMut(&str)) -> Result<Results, String> {
        let workloads = workloads(&self.workloads)?;
        let field = field(&self.contestants, &self.output)?;
        field.missing.iter().for_each(|line| tell(&format!("skipped: {line}")));
        let program = std::env::current_exe().map_err(|error| format!("the path of this program: {error}"))?;
        let _busy = if self.busy { Some(Busy::start(&program, 2)?) } else { None };
        let runs =
            workloads.iter().map(|workload| self.runs(&program, workload, &field.contestants, &mut tell)).collect();
        Ok(Results {
            machine: machine(),
            ended: SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()),
            rounds: self.rounds,
            busy: self.busy,
            quick: self.quick,
            contestants: field.titles(),
            missing: field.missing,
            workloads: runs,
        })
    }

    fn runs(&self, program: &Path, workload: &Workload, field: &[Contestant], tell: &mut impl FnMut(&str)) -> Runs {
        let sizes = if self.quick { workload.quick } else { workload.full };
        let mut taking_part: Vec<&Contestant> = field.iter().filter(|contestant| contestant.has(workload)).collect();
        let mut rounds: BTreeMap<&str, Vec<Figures>> = BTreeMap::new();
        let mut checksums: BTreeMap<&str, String> = BTreeMap::new();
        let mut notes: Vec<String> = workload.notes.iter().map(|&note| note.to_owned()).collect();
        let mut failures = Vec::new();
        let mut warmth = if self.quick { 0 } else { FIRST_WARM };
        for round in 0..self.rounds {
            // Who follows whom changes from round to round.
            let len = taking_part.len().max(1);
            taking_part.rotate_left(round % len);
            taking_part.retain(|contestant| {
                if self.warm && warmth > 0 {
                    warm(program, warmth);
                }
                let name = &*contestant.name;
                match self.once(contestant, workload, sizes) {
                    Ok(None) => false,
                    Ok(Some((checksum, figures))) => {
                        tell(&told(workload, name, &figures));
                        if !self.quick {
                            warmth = warmth.max((figures.peak_mib * 1.1) as u64 * (1 << 20));
                        }
                        checksums.insert(name, checksum);
                        rounds.entry(name).or_default().push(figures);
                        let goes_on = figures.wall_s.min(figures.cpu_s) <= ONCE || self.rounds == 1;
                        if !goes_on {
                            notes.push(format!("{name}: one round only"));
                        }
                        goes_on
                    }
                    // One that is too slow is no failure.
                    Err(error) if error.starts_with(TOO_LONG) => {
                        tell(&format!("{} {name}: {error}", workload.name));
                        notes.push(format!("{name}: {error}"));
                        false
                    }
                    Err(error) => {
                        tell(&format!("{} {name}: {error}", workload.name));
                        failures.push(format!("{name}: {error}"));
                        false
                    }
                }
            });
        }
        let checksum = agreed(&checksums);
        failures.extend(
            checksums
                .iter()
                .filter(|(_, found)| **found != checksum)
                .map(|(name, found)| format!("{name}: its checksum is {found}, where most have {checksum}")),
        );
        let mut entries: Vec<Entry> = rounds
            .into_iter()
            .map(|(name, rounds)| Entry { contestant: name.to_owned(), median: Figures::median(&rounds), rounds })
            .collect();
        entries.sort_by(|a, b| a.median.wall_s.total_cmp(&b.median.wall_s));
        let title = if self.quick { workload.name } else { workload.title };
        Runs {
            name: workload.name.to_owned(),
            title: title.to_owned(),
            sizes: sizes.to_vec(),
            checksum,
            entries,
            notes,
            failures,
        }
    }

    /// One run; none of a contestant that does not have the workload.
    fn once(
        &self,
        contestant: &Contestant,
        workload: &Workload,
        sizes: &[u64],
    ) -> Result<Option<(String, Figures)>, String> {
        let finished = measure(&mut contestant.command(workload, sizes), self.timeout)?;
        if finished.status.code() == Some(3) && finished.output.is_empty() {
            return Ok(None);
        }
        if !finished.status.success() {
            let why = finished.errors.lines().last().unwrap_or_default();
            return Err(format!("{}: {why}", finished.status));
        }
        let line: Line = serde_json::from_str(finished.output.trim())
            .map_err(|error| format!("expected a line of JSON, found {}: {error}", finished.output.trim()))?;
        let figures = Figures {
            wall_s: line.wall_s,
            cpu_s: finished.processor.as_secs_f64(),
            peak_mib: finished.peak as f64 / f64::from(1 << 20),
            steps: line.steps,
        };
        Ok(Some((line.checksum, figures)))
    }
}

/// The checksum that most have.
fn agreed(checksums: &BTreeMap<&str, String>) -> String {
    let mut count = BTreeMap::<&str, usize>::new();
    checksums.values().for_each(|checksum| *count.entry(checksum).or_default() += 1);
    count.into_iter().max_by_key(|&(_, count)| count).map_or(String::new(), |(checksum, _)| checksum.to_owned())
}

fn told(workload: &Workload, contestant: &str, figures: &Figures) -> String {
    let Figures { wall_s, cpu_s, peak_mib, steps } = figures;
    let steps = steps.map_or(String::new(), |s| {
        format!("  p50 {:.1} p99 {:.1} p99.9 {:.1} max {:.0} us", s.p50_us, s.p99_us, s.p999_us, s.max_us)
    });
    format!("{:20} {contestant:24} {wall_s:8.3} s {cpu_s:8.3} s cpu {peak_mib:8.1} MiB{steps}", workload.name)
}
