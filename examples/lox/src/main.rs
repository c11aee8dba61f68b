//! `lox [--gc-stats] [--threads N] [path]`: runs a file, or prompts for lines.
//!
//! Exit codes: 64 wrong usage, 65 errors in the source, 70 an error at run time, 74 a file that cannot be read or output
//! that cannot be written.

#![forbid(unsafe_code)]

mod report;
mod threads;

use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use gc_core::Heap;
use lox::{Failure, Lox};

fn main() -> ExitCode {
    let mut statistics = false;
    let mut threads = None;
    let mut path = None;
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--gc-stats" {
            statistics = true;
        } else if argument == "--threads"
            && threads.is_none()
            && let Some(count) = arguments.next().and_then(|count| count.to_str()?.parse().ok())
        {
            threads = Some(count);
        } else if path.is_none() && !argument.to_string_lossy().starts_with("--") {
            path = Some(argument);
        } else {
            return usage();
        }
    }
    if threads.is_some() && path.is_none() {
        return usage();
    }
    let source = match path {
        None => None,
        Some(path) => match std::fs::read(&path) {
            Ok(source) => Some(String::from_utf8_lossy(&source).into_owned()),
            Err(_) => {
                eprintln!("Could not open file \"{}\".", path.display());
                return ExitCode::from(EX_IOERR);
            }
        },
    };

    match with_heap(source.as_deref(), threads, statistics) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(EX_SOFTWARE)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("Usage: lox [--gc-stats] [--threads N] [path]");
    ExitCode::from(EX_USAGE)
}

fn with_heap(
    source: Option<&str>,
    threads: Option<u32>,
    statistics: bool,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let heap = Heap::builder().build()?;
    let code = match (source, threads) {
        (Some(source), Some(threads)) => threads::run(&heap, source, threads)?,
        (Some(source), None) => run_file(&mut Lox::new(&heap)?, source),
        (None, _) => prompt(&mut Lox::new(&heap)?),
    };
    if statistics {
        eprint!("{}", report::Report(heap.stats()));
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
