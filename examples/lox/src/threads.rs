//! One program, run several times at once: each on a thread of its own, all as mutators of one heap.

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use gc_core::{AttachError, Heap};
use lox::{Failure, Lox};

/// What one run left.
struct Run {
    output: Vec<u8>,
    errors: Vec<u8>,
    outcome: Result<(), Failure>,
}

/// Runs the program so many times at once, and prints what each wrote, whole and in order. The exit code is that of the first run
/// that failed.
pub fn run(heap: &Heap, source: &str, threads: u32) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let runs: Vec<Result<Run, AttachError>> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(|| one(heap, source))).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut code = ExitCode::SUCCESS;
    let mut failed = false;
    for run in runs {
        let Run { output, errors, outcome } = run?;
        io::stdout().write_all(&output)?;
        io::stderr().write_all(&errors)?;
        if let (Err(failure), false) = (outcome, failed) {
            (code, failed) = (super::code_of(&failure), true);
        }
    }
    Ok(code)
}

fn one(heap: &Heap, source: &str) -> Result<Run, AttachError> {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let outcome = Lox::new(heap)?.interpret(source, &mut output, &mut errors);
    Ok(Run { output, errors, outcome })
}
