//! The section of the README that a series writes: between two marks, which stay.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    contestant::{Group, group},
    results::{Entry, Results, Runs},
};

const BEGIN: &str = "<!-- workloads: written by `cargo run --release -p gc-workloads -- readme FILE.json` -->";
const END: &str = "<!-- /workloads -->";

/// Writes the section from a file of results; if one of a busy series lies beside it, that too.
///
/// # Errors
///
/// Files that cannot be read or written, or a README without the marks.
pub fn rewrite(file: &Path, readme: &Path) -> Result<(), String> {
    let results = Results::read(file)?;
    let busy: PathBuf = file.with_file_name("busy.json");
    let busy = if busy.exists() && busy != file { Some(Results::read(&busy)?) } else { None };
    let name = |error: std::io::Error| format!("{}: {error}", readme.display());
    let text = fs::read_to_string(readme).map_err(name)?;
    let text = spliced(&text, &section(&results, busy.as_ref()))
        .ok_or_else(|| format!("{}: expected the marks {BEGIN} and {END}", readme.display()))?;
    fs::write(readme, text).map_err(name)
}

/// The text with `section` between the marks.
fn spliced(text: &str, section: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{section}\n{END}{after}"))
}

/// A column: its title, and who may stand in it. The fastest does.
type Column = (&'static str, fn(&str) -> bool);

const COLUMNS: [Column; 7] = [
    ("arena", |name| name == "arena"),
    ("`Box`, `Rc`", |name| name == "box" || name == "rc" || name == "arc"),
    ("with mimalloc", |name| group(name) == Group::Manual && name.ends_with("-mimalloc")),
    ("Rust collectors", |name| group(name) == Group::Collectors),
    ("Java", |name| name.starts_with("java")),
    ("Go", |name| name == "go"),
    ("OCaml, Node", |name| name == "ocaml" || name == "node"),
];

fn section(results: &Results, busy: Option<&Results>) -> String {
    let mut text = format!(
        "Public workloads ([their definitions](benches/workloads/README.md)), medians of {}, contestants in\n\
         turns, memory warm, default settings; {}.\n\
         Time as a multiple of gc-core's, below 1 where it is faster; of several the fastest.\n\n\
         | | gc-core: time, processor, memory |",
        results.rounds, results.machine
    );
    COLUMNS.iter().for_each(|(title, _)| text += &format!(" {title} |"));
    text += "\n|---|---|";
    COLUMNS.iter().for_each(|_| text += "---|");
    text.push('\n');
    for runs in &results.workloads {
        for ours in runs.entries.iter().filter(|entry| group(&entry.contestant) == Group::Ours) {
            let _ = write!(text, "| {} | {} |", title(runs, ours), figures(ours));
            for (_, stands) in COLUMNS {
                let _ = write!(text, " {} |", ratio(runs, ours, stands));
            }
            text.push('\n');
        }
    }
    text += "\nSteps of those that have them, p99.9 and the longest, in milliseconds; of several contestants the\n\
             one whose longest step is the shortest";
    text += if busy.is_some() { ". Behind the stroke with two busy processes on the same cores.\n\n" } else { ".\n\n" };
    text += "| | gc-core |";
    COLUMNS[1..].iter().for_each(|(title, _)| text += &format!(" {title} |"));
    text += "\n|---|---|";
    COLUMNS[1..].iter().for_each(|_| text += "---|");
    text.push('\n');
    for runs in &results.workloads {
        let beside = busy.and_then(|busy| busy.workloads.iter().find(|other| other.name == runs.name));
        for ours in runs.entries.iter().filter(|entry| group(&entry.contestant) == Group::Ours) {
            if ours.median.steps.is_none() {
                continue;
            }
            let _ = write!(text, "| {} | {} |", title(runs, ours), steps(Some(ours), beside));
            for (_, stands) in &COLUMNS[1..] {
                let _ = write!(text, " {} |", steps(calmest(runs, *stands), beside));
            }
            text.push('\n');
        }
    }
    text
}

fn title(runs: &Runs, ours: &Entry) -> String {
    match &*ours.contestant {
        "gc-core" => runs.title.clone(),
        "gc-core-calls" => format!("{}; a root and a safepoint in every call", runs.title),
        "gc-core-frames" => format!("{}; a safepoint in every call, and roots in frames", runs.title),
        "gc-core-slots" => format!("{}; a hash table of slots", runs.title),
        "gc-core-map" => format!("{}; its concurrent map", runs.title),
        other => format!("{}; {other}", runs.title),
    }
}

fn figures(entry: &Entry) -> String {
    let figures = &entry.median;
    format!("{:.3} s, {:.3} s, {:.0} MiB", figures.wall_s, figures.cpu_s, figures.peak_mib)
}

/// The fastest of those that stand in a column; entries are sorted.
fn ratio(runs: &Runs, ours: &Entry, stands: fn(&str) -> bool) -> String {
    let Some(entry) = runs.entries.iter().find(|entry| stands(&entry.contestant)) else { return String::new() };
    let ratio = entry.median.wall_s / ours.median.wall_s;
    format!("{ratio:.2}{}", which(&entry.contestant))
}

/// Says which of a column it is, where the column does not.
fn which(contestant: &str) -> String {
    match contestant {
        "arena" | "go" | "box" | "box-mimalloc" => String::new(),
        name if group(name) == Group::Collectors => format!(" {}", name.replace("-mimalloc", ", mimalloc")),
        name => format!(" {}", name.trim_start_matches("java-").trim_end_matches("-mimalloc")),
    }
}

/// The one whose longest step is the shortest.
fn calmest(runs: &Runs, stands: fn(&str) -> bool) -> Option<&Entry> {
    let longest = |entry: &&Entry| entry.median.steps.map_or(f64::INFINITY, |steps| steps.max_us);
    runs.entries.iter().filter(|entry| stands(&entry.contestant)).min_by(|a, b| longest(a).total_cmp(&longest(b)))
}

fn steps(entry: Option<&Entry>, busy: Option<&Runs>) -> String {
    let Some((entry, steps)) = entry.and_then(|entry| Some((entry, entry.median.steps?))) else { return String::new() };
    let ms = |us: f64| match us / 1e3 {
        ms if ms < 0.1 => format!("{ms:.4}"),
        ms => format!("{ms:.1}"),
    };
    let beside = busy.and_then(|busy| busy.of(&entry.contestant)?.median.steps);
    let beside = beside.map_or(String::new(), |steps| format!(" \\| {}, {}", ms(steps.p999_us), ms(steps.max_us)));
    format!(
        "{}, {}{beside}{}",
        ms(steps.p999_us),
        ms(steps.max_us),
        match group(&entry.contestant) {
            Group::Ours => String::new(),
            _ => which(&entry.contestant),
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Figures;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter");
        assert_eq!(spliced(&text, "new\n").unwrap(), format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter"));
        assert_eq!(spliced("no marks", "new"), None);
    }

    #[test]
    fn others_are_multiples_of_gc_core() {
        let entry = |name: &str, wall_s| Entry {
            contestant: name.to_owned(),
            median: Figures { wall_s, ..Figures::default() },
            rounds: Vec::new(),
        };
        let runs = Runs {
            name: "list".to_owned(),
            title: "list".to_owned(),
            sizes: Vec::new(),
            checksum: String::new(),
            entries: vec![entry("gc-core", 0.5), entry("java-serial", 1.0), entry("java-zgc", 2.0)],
            notes: Vec::new(),
            failures: Vec::new(),
        };
        let text = section(&Results { workloads: vec![runs], ..Results::default() }, None);
        assert!(text.contains("| list | 0.500 s, 0.000 s, 0 MiB |  |  |  |  | 2.00 serial |  |  |"), "{text}");
    }
}
