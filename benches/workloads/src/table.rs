//! A series as text.

use std::fmt::Write;

use crate::results::{Results, Runs};

/// Everything, in Markdown: a table for each workload, the fastest first.
pub fn markdown(results: &Results) -> String {
    let Results { machine, rounds, busy, .. } = results;
    let beside = if *busy { ", two busy processes beside" } else { "" };
    let mut text = format!(
        "# Workloads\n\n{machine}. Medians of {rounds}{beside}; contestants take turns; memory is warm. `cpu` is of the whole process, `peak` its resident memory.\n"
    );
    for runs in &results.workloads {
        workload(&mut text, runs);
    }
    text.push_str("\n## Contestants\n\n");
    for (name, title) in &results.contestants {
        let _ = writeln!(text, "- {name}: {title}");
    }
    for line in &results.missing {
        let _ = writeln!(text, "- not here: {line}");
    }
    text
}

fn workload(text: &mut String, runs: &Runs) {
    let sizes: Vec<String> = runs.sizes.iter().map(u64::to_string).collect();
    let _ = write!(text, "\n## {}\n\n`{} {}`, checksum {}\n\n", runs.title, runs.name, sizes.join(" "), runs.checksum);
    let with_steps = runs.entries.iter().any(|entry| entry.median.steps.is_some());
    let (head, rule) = if with_steps { (" p50 µs | p99 | p99.9 | max |", "---|---|---|---|") } else { ("", "") };
    let _ = writeln!(text, "| | wall s | × the best | cpu s | peak MiB |{head}\n|---|---|---|---|---|{rule}");
    let best = runs.entries.first().map_or(f64::NAN, |entry| entry.median.wall_s);
    for entry in &runs.entries {
        let figures = &entry.median;
        let _ = write!(
            text,
            "| {} | {:.3} | {:.2} | {:.3} | {:.1} |",
            entry.contestant,
            figures.wall_s,
            figures.wall_s / best,
            figures.cpu_s,
            figures.peak_mib
        );
        if let Some(steps) = figures.steps {
            let us = |us: f64| if us < 100.0 { format!("{us:.1}") } else { format!("{us:.0}") };
            let _ = write!(
                text,
                " {} | {} | {} | {} |",
                us(steps.p50_us),
                us(steps.p99_us),
                us(steps.p999_us),
                us(steps.max_us)
            );
        }
        text.push('\n');
    }
    let notes: Vec<&String> = runs.failures.iter().chain(&runs.notes).collect();
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes {
        let _ = writeln!(text, "- {note}");
    }
}
