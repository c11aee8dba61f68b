//! `gc-inspect`: asks a saved heap snapshot, or a profile, where memory goes and why it stays.
//!
//! Exit codes: 0 answered, 1 nothing found, 64 wrong usage, 65 a damaged file, 74 a file that cannot be read or output that cannot be
//! written.

#![forbid(unsafe_code)]

mod command;

use std::{fmt, io, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use gc_inspect::ReadError;

/// Asks a saved heap snapshot where memory goes, and why it stays.
///
/// Files are heap snapshots in Chrome's .heapsnapshot format, as gc-core, Node.js and Chrome write them, or profiles of allocation sites in
/// pprof's format (`flame` only). Both may be compressed by gzip.
#[derive(Parser)]
#[command(name = "gc-inspect", version, after_help = AFTER)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print bytes as plain numbers, for scripts
    #[arg(long, global = true)]
    bytes: bool,
    /// Show no progress
    #[arg(long, short, global = true)]
    quiet: bool,
}

/// What is printed after the help.
const AFTER: &str = "\
Words:
  shallow   bytes of an object itself
  owned     bytes that it owns elsewhere, such as the buffer of a Vec
  retained  bytes that would be free if it were gone: its own, what it owns, and all that only it keeps alive

Exit codes:
  0 answered, 1 nothing of that type, 64 wrong usage, 65 a damaged file, 74 a file that cannot be read or written

To find a leak: take a snapshot, let the program work, take another. `diff` says which types grew, `why` what keeps them.";

#[derive(Subcommand)]
enum Command {
    /// What keeps objects of a type alive: a shortest path from a root to one of them
    ///
    /// Prints how many there are and what they retain, the path field by field, and the objects through which every path to that one goes:
    /// it would be free if one of these were gone.
    Why {
        /// A heap snapshot
        file: PathBuf,
        /// A type: its whole name, or the last segment of its path, as in `Session` for `demo::Session`
        #[arg(value_name = "TYPE")]
        type_name: String,
    },
    /// What grew and what shrank between two snapshots of a process, by type
    Diff {
        /// The earlier heap snapshot
        before: PathBuf,
        /// The later one
        after: PathBuf,
        /// How many types to show
        #[arg(long, short = 'n', default_value_t = 20)]
        count: usize,
    },
    /// What there is most of, by type, and the objects that keep most alive
    Top {
        /// A heap snapshot
        file: PathBuf,
        /// How many types, and how many objects, to show
        #[arg(long, short = 'n', default_value_t = 20)]
        count: usize,
    },
    /// Draws a flame graph, as an SVG for a browser
    ///
    /// Of a heap snapshot: retained bytes by type. What lies on a box is kept alive by it alone (the dominator tree). Of a pprof profile:
    /// the calls that led to allocations.
    Flame {
        /// A heap snapshot or a pprof profile
        file: PathBuf,
        /// The SVG to write [default: FILE with .svg appended]
        #[arg(long, short)]
        output: Option<PathBuf>,
        /// Of a profile: the value to draw, such as alloc_space [default: what the profile says]
        #[arg(long)]
        value: Option<String>,
    },
}

/// What went wrong, and with which file.
enum Failure {
    Read(PathBuf, ReadError),
    Write(PathBuf, io::Error),
    Print(io::Error),
    /// Wrong usage that only the file shows.
    Usage(String),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Read(_, ReadError::Damaged(_)) => 65,
            Self::Read(..) | Self::Write(..) | Self::Print(_) => 74,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Write(path, error) => write!(f, "{}: cannot be written: {error}", path.display()),
            Self::Print(error) => write!(f, "the answer cannot be printed: {error}"),
            Self::Usage(text) => f.write_str(text),
        }
    }
}

/// Exit code of wrong usage; clap's own is another.
const USAGE: u8 = 64;

/// What a command has found.
enum Answer {
    Found,
    Nothing,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            // To whom, where this fails?
            let _ = error.print();
            return code.into();
        }
    };
    let show = command::Show { bytes: arguments.bytes, quiet: arguments.quiet };
    let answer = match arguments.command {
        Command::Why { file, type_name } => command::why(&show, &file, &type_name),
        Command::Diff { before, after, count } => command::diff(&show, &before, &after, count),
        Command::Top { file, count } => command::top(&show, &file, count),
        Command::Flame { file, output, value } => command::flame(&show, &file, output, value.as_deref()),
    };
    match answer {
        Ok(Answer::Found) => ExitCode::SUCCESS,
        Ok(Answer::Nothing) => ExitCode::FAILURE,
        // `gc-inspect top … | head` is no failure.
        Err(Failure::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gc-inspect: {failure}");
            failure.code().into()
        }
    }
}
