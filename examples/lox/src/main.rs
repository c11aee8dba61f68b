//! `lox [options] [path]`: runs a file, or prompts for lines. `lox --help` lists the options.
//!
//! Exit codes: 64 wrong usage, 65 errors in the source, 70 an error at run time, 74 a file that cannot be read or written, or output
//! that cannot be written.

#![forbid(unsafe_code)]

mod files;
mod options;
mod report;
mod threads;

use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use gc_core::{
    Heap, Level,
    observe::{
        Timeline,
        sites::{self, SitesConfig},
    },
};
use lox::{Failure, Lox};

use files::{Files, WriteError};
use options::{Options, Request};

fn main() -> ExitCode {
    let options = match options::parse(std::env::args_os().skip(1)) {
        Ok(Request::Run(options)) => options,
        Ok(Request::Help) => {
            return match io::stdout().lock().write_all(options::HELP.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => output_failed(&error),
            };
        }
        Err(error) => {
            eprintln!("lox: {error}\n{}", options::USAGE);
            return ExitCode::from(EX_USAGE);
        }
    };
    let source = match &options.path {
        None => None,
        Some(path) => match std::fs::read(path) {
            Ok(source) => Some(String::from_utf8_lossy(&source).into_owned()),
            Err(_) => {
                eprintln!("Could not open file \"{}\".", path.display());
                return ExitCode::from(EX_IOERR);
            }
        },
    };

    match with_heap(source.as_deref(), &options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(if error.is::<WriteError>() { EX_IOERR } else { EX_SOFTWARE })
        }
    }
}

fn with_heap(source: Option<&str>, options: &Options) -> Result<ExitCode, Box<dyn std::error::Error>> {
    // Before the program runs: it may take long, and then there is no place for what it has shown.
    let mut files = Files::create(options)?;
    let timeline = options.trace.as_ref().map(|_| Timeline::new());
    let mut builder = Heap::builder();
    if let Some(timeline) = &timeline {
        builder = builder.on_event(Level::Debug, timeline.hook("lox"));
    }
    let heap = builder.build()?;
    if options.sites {
        // If the environment has started it already, that is what is wanted.
        sites::start(&heap, SitesConfig::exact());
    }
    let code = match (source, options.threads) {
        (Some(source), Some(threads)) => threads::run(&heap, source, threads)?,
        (source, _) => {
            let mut lox = Lox::new(&heap)?;
            if options.sites {
                lox.track_lines();
            }
            let code = match source {
                Some(source) => run_file(&mut lox, source),
                None => prompt(&mut lox),
            };
            // The machine still has its globals.
            if options.sites {
                lox.collect();
                eprint!("{}", report::Sites { lines: &lox.end_lines(), sites: &sites::snapshot(lox.mutator()) });
            }
            if let Some(file) = &mut files.snapshot {
                let (graph, instances) = lox.instances()?;
                file.write_with(|out| graph.write_heap_snapshot(out))?;
                eprint!("{}", report::Alive { graph: &graph, instances: &instances, globals: &lox.globals() });
            }
            code
        }
    };
    if options.statistics {
        eprint!("{}", report::Report(heap.stats()));
    }
    // The last events are told before this returns.
    drop(heap);
    if let (Some(timeline), Some(file)) = (timeline, &mut files.trace) {
        file.write_with(|out| timeline.write(out))?;
    }
    Ok(code)
}

/// The exit code that a failure has.
fn code_of(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Compile => ExitCode::from(EX_DATAERR),
        Failure::Runtime => ExitCode::from(EX_SOFTWARE),
        Failure::Output(error) => output_failed(error),
    }
}

fn run_file(lox: &mut Lox, source: &str) -> ExitCode {
    let mut output = BufWriter::new(io::stdout().lock());
    match lox.interpret(source, &mut output, &mut io::stderr()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => code_of(&failure),
    }
}

/// Reads lines and runs each, until the input ends. What a line defines, the next may use.
fn prompt(lox: &mut Lox) -> ExitCode {
    let mut output = io::stdout().lock();
    let mut line = String::new();
    loop {
        if let Err(error) = write!(output, "> ").and_then(|()| output.flush()) {
            return output_failed(&error);
        }
        line.clear();
        // The collector must not wait for a person.
        let read = lox.blocked(|| io::stdin().lock().read_line(&mut line));
        if !matches!(read, Ok(1..)) {
            break;
        }
        if let Err(Failure::Output(error)) = lox.interpret(&line, &mut output, &mut io::stderr()) {
            return output_failed(&error);
        }
    }
    match writeln!(output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output_failed(&error),
    }
}

fn output_failed(error: &io::Error) -> ExitCode {
    // A reader that has seen enough, as `head`, is nothing to complain about.
    if error.kind() != io::ErrorKind::BrokenPipe {
        eprintln!("Could not write output: {error}.");
    }
    ExitCode::from(EX_IOERR)
}

// The names of `sysexits.h`.
const EX_USAGE: u8 = 64;
const EX_DATAERR: u8 = 65;
const EX_SOFTWARE: u8 = 70;
const EX_IOERR: u8 = 74;
