//! The command line.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{
    WORKLOADS, Workload, conditions,
    growth::{self, Growth},
    plot, readme,
    results::Results,
    series::Series,
    table,
};

const USAGE: &str = "\
gc-workloads [OPTION…]                        runs workloads, contestants in turns; writes a table, a JSON file and plots
    --only WORKLOAD,…      these workloads
    --contestants NAME,…   these contestants
    --rounds N             5, unless --quick
    --busy                 with two busy processes beside
    --quick                small sizes, one round
    --cold                 memory is not warmed before each run
    --timeout SECONDS      of a run; 120
    --output FOLDER        target/workloads
gc-workloads run CONTESTANT WORKLOAD [SIZE…]  one contestant, once, in this process
gc-workloads show FILE.json                   the table and the plots of a series, or of growth, again, beside the file
gc-workloads readme FILE.json [README.md]     writes the section *Measured* of the README, between its two marks
gc-workloads growth [--quick] [--rounds N] [--output FOLDER]
                                              how the cost of gc-core grows: growth.json and a plot for each curve
gc-workloads list                             the workloads, their sizes and contestants of this language
";

/// Does what the arguments say.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["run", contestant, workload, ref sizes @ ..] => run(contestant, workload, sizes),
        ["show", file] => show(Path::new(file)).map(|()| ExitCode::SUCCESS),
        ["readme", file] => {
            readme::rewrite(Path::new(file), &repository().join("README.md")).map(|()| ExitCode::SUCCESS)
        }
        ["readme", file, readme] => readme::rewrite(Path::new(file), Path::new(readme)).map(|()| ExitCode::SUCCESS),
        ["growth", ref options @ ..] => series(options).and_then(|series| grow(&series)),
        ["grow", shape] => growth::grow(shape).map(|()| ExitCode::SUCCESS),
        ["list"] => {
            list();
            Ok(ExitCode::SUCCESS)
        }
        // What a series starts beside the contestants.
        ["touch", bytes] => number(bytes).map(|bytes| {
            conditions::touch(bytes);
            ExitCode::SUCCESS
        }),
        ["spin"] => {
            conditions::spin();
            Ok(ExitCode::SUCCESS)
        }
        ["--help" | "-h" | "help", ..] => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        ref options => series(options).and_then(|series| measure(&series)),
    };
    result.unwrap_or_else(|error| {
        eprintln!("gc-workloads: {error}");
        ExitCode::FAILURE
    })
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|error| format!("expected a number, found {text}: {error}"))
}

/// One contestant, once, in this process. Without sizes those that are measured.
fn run(contestant: &str, workload: &str, sizes: &[&str]) -> Result<ExitCode, String> {
    let workload = Workload::named(workload)?;
    let Some(program) = workload.program(contestant) else {
        eprintln!("gc-workloads: {contestant} does not have {}", workload.name);
        return Ok(ExitCode::from(3));
    };
    let mut sizes: Vec<u64> = sizes.iter().map(|size| number(size)).collect::<Result<_, _>>()?;
    if sizes.is_empty() {
        sizes = workload.full.to_vec();
    }
    let start = Instant::now();
    let outcome = program(&sizes);
    println!("{}", outcome.line(start));
    Ok(ExitCode::SUCCESS)
}

fn list() {
    for workload in WORKLOADS {
        let names: Vec<&str> = workload.contestants.iter().map(|contestant| contestant.0).collect();
        println!("{} {:?}, quick {:?}: {}", workload.name, workload.full, workload.quick, names.join(", "));
    }
}

/// The series that the options describe.
fn series(options: &[&str]) -> Result<Series, String> {
    let mut series = Series {
        rounds: 0,
        busy: false,
        quick: false,
        warm: true,
        workloads: Vec::new(),
        contestants: Vec::new(),
        timeout: Duration::from_secs(120),
        output: target().join("workloads"),
    };
    let mut options = options.iter().copied();
    while let Some(option) = options.next() {
        let mut value = || options.next().ok_or_else(|| format!("expected something behind {option}"));
        let names = |value: &str| value.split(',').map(str::to_owned).collect();
        match option {
            "--only" => series.workloads = names(value()?),
            "--contestants" => series.contestants = names(value()?),
            "--rounds" => series.rounds = number(value()?)?.max(1) as usize,
            "--busy" => series.busy = true,
            "--quick" => series.quick = true,
            "--cold" => series.warm = false,
            "--timeout" => series.timeout = Duration::from_secs(number(value()?)?),
            "--output" => series.output = PathBuf::from(value()?),
            _ => return Err(format!("expected an option, found {option}\n\n{USAGE}")),
        }
    }
    if series.rounds == 0 {
        series.rounds = if series.quick { 1 } else { 5 };
    }
    Ok(series)
}

/// Where cargo builds: this executable lies in a folder of it.
fn target() -> PathBuf {
    let executable = std::env::current_exe().unwrap_or_default();
    executable.ancestors().nth(2).map_or_else(|| PathBuf::from("target"), Path::to_owned)
}

/// Runs a series and writes what it found. Fails where a contestant did, or disagreed.
fn measure(series: &Series) -> Result<ExitCode, String> {
    std::fs::create_dir_all(&series.output).map_err(|error| format!("{}: {error}", series.output.display()))?;
    let results = series.run(|line| eprintln!("{line}"))?;
    let name = match (series.quick, series.busy) {
        (true, _) => "quick.json",
        (false, true) => "busy.json",
        (false, false) => "quiet.json",
    };
    let file = series.output.join(name);
    results.write(&file)?;
    show(&file)?;
    println!("{}", table::markdown(&results));
    let failed = results.failures();
    failed.iter().for_each(|failure| eprintln!("gc-workloads: {failure}"));
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes the table and the plots of a series, or the plots of curves, beside the file.
fn show(file: &Path) -> Result<(), String> {
    if let Ok(growth) = Growth::read(file) {
        return draw(&growth, file.parent().unwrap_or(Path::new(".")));
    }
    let results = Results::read(file)?;
    let write = |path: PathBuf, text: String| {
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    write(file.with_extension("md"), table::markdown(&results))?;
    let picture = |what: &str| file.with_extension(format!("{what}.svg"));
    plot::times(&results, &picture("times"))?;
    plot::steps(&results, &picture("steps"))
}

/// The curves.
fn grow(series: &Series) -> Result<ExitCode, String> {
    let output = &series.output;
    std::fs::create_dir_all(output).map_err(|error| format!("{}: {error}", output.display()))?;
    let growth = growth::growth(series.rounds.min(3), series.quick, |line| eprintln!("{line}"))?;
    growth.write(&output.join("growth.json"))?;
    draw(&growth, output)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a plot for each curve.
fn draw(growth: &Growth, folder: &Path) -> Result<(), String> {
    let mut curves = growth.curves.iter();
    curves.try_for_each(|curve| plot::curve(growth, curve, &folder.join(format!("growth-{}.svg", curve.name))))
}

/// The folder of the repository that this was built from.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
