//! The command line: what it may hold, and what is said where it holds something else.

use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    Run(Options),
    Help,
}

/// How a program is run, and what is told about its heap.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// The program. Without one there is a prompt.
    pub(crate) path: Option<OsString>,
    pub(crate) threads: Option<u32>,
    pub(crate) statistics: bool,
    pub(crate) sites: bool,
    pub(crate) snapshot: Option<PathBuf>,
    pub(crate) trace: Option<PathBuf>,
}

pub(crate) const USAGE: &str = "Usage: lox [options] [path]; `lox --help` lists the options.";

pub(crate) const HELP: &str = "\
Usage: lox [options] [path]

Runs the Lox program in the file `path`, or prompts for lines. What the options of `--gc-…` print goes to the error stream.

  --gc-snapshot FILE  When the program ends, writes what is alive to FILE, while the globals still hold it: a heap snapshot, which the
                      Memory panel of Chrome's DevTools (*Load profile*) and gc-inspect read. The name ends in .heapsnapshot for DevTools.
                      Prints how many instances of each Lox class there are and why one is alive, and the numbers of global variables.
  --gc-sites          Tracks where objects are allocated. When the program ends, prints the ten lines of it with the most instances
                      that are alive, and the ten places in the source of this machine whose objects take the most memory. Each allocation takes some hundred nanoseconds more; GC_CORE_SITES=524288 takes
                      a sample for each 512 KiB instead, which costs next to nothing.
  --gc-stats          Prints what the collector did.
  --gc-trace FILE     Writes the collector's pauses and concurrent phases to FILE, for https://ui.perfetto.dev or chrome://tracing.
  --help              Prints this.
  --threads N         Runs the program on N threads at once, which share one heap. Not with --gc-snapshot or --gc-sites.

Exit codes: 64 wrong usage, 65 errors in the source, 70 an error at run time, 74 a file that cannot be read or written.
";

/// Reads the arguments, the name of the program not among them.
///
/// The error says what was expected, and what was found.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Request, String> {
    let mut options = Options::default();
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let name = argument.to_string_lossy();
        let mut value = |what: &str| match arguments.next_if(|next| !next.to_string_lossy().starts_with("--")) {
            Some(value) => Ok(value),
            None => {
                let found = arguments.peek().map_or("nothing".into(), |next| next.to_string_lossy());
                Err(format!("expected {what} after {name}, found {found}"))
            }
        };
        match &*name {
            "--help" => return Ok(Request::Help),
            "--gc-stats" => options.statistics = true,
            "--gc-sites" => options.sites = true,
            "--gc-snapshot" => once(&mut options.snapshot, value("the name of a file")?.into(), &name)?,
            "--gc-trace" => once(&mut options.trace, value("the name of a file")?.into(), &name)?,
            "--threads" => {
                let number = value("a number")?;
                let number = number.to_string_lossy();
                let parsed = number.parse().map_err(|_| format!("expected a number after {name}, found {number}"))?;
                once(&mut options.threads, parsed, &name)?;
            }
            _ if name.starts_with("--") => return Err(format!("expected an option, found {name}")),
            _ => match &options.path {
                Some(first) => return Err(format!("expected one path, found {} and {name}", first.display())),
                None => options.path = Some(argument),
            },
        }
    }
    if options.threads.is_some() {
        let alone = [(options.snapshot.is_some(), "--gc-snapshot"), (options.sites, "--gc-sites")];
        if let Some((_, name)) = alone.iter().find(|(given, _)| *given) {
            return Err(format!(
                "expected one machine for {name}, found --threads: each thread has a machine of its own"
            ));
        }
        if options.path.is_none() {
            return Err("expected a path with --threads, found none".to_owned());
        }
    }
    Ok(Request::Run(options))
}

fn once<T>(option: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    match option.replace(value) {
        Some(_) => Err(format!("expected {name} once, found it twice")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_come_in_any_order() {
        let expected = Options {
            path: Some("a.lox".into()),
            statistics: true,
            sites: true,
            snapshot: Some("a.heapsnapshot".into()),
            trace: Some("a.json".into()),
            ..Options::default()
        };
        for line in [
            "--gc-stats --gc-sites --gc-snapshot a.heapsnapshot --gc-trace a.json a.lox",
            "a.lox --gc-trace a.json --gc-snapshot a.heapsnapshot --gc-sites --gc-stats",
        ] {
            assert_eq!(
                parsed(line),
                parsed("a.lox --gc-stats --gc-sites --gc-trace a.json --gc-snapshot a.heapsnapshot")
            );
        }
        assert_eq!(
            parsed("--gc-stats --gc-sites --gc-snapshot a.heapsnapshot --gc-trace a.json a.lox"),
            Ok(Request::Run(expected))
        );
        assert_eq!(parsed("--threads 2 a.lox --help"), Ok(Request::Help));
    }

    #[test]
    fn errors_say_what_was_expected_and_found() {
        for (line, error) in [
            ("--gc-snapshot", "expected the name of a file after --gc-snapshot, found nothing"),
            ("--gc-trace --gc-stats a.lox", "expected the name of a file after --gc-trace, found --gc-stats"),
            ("--gc-trace a --gc-trace b", "expected --gc-trace once, found it twice"),
            ("--threads", "expected a number after --threads, found nothing"),
            ("--threads x a.lox", "expected a number after --threads, found x"),
            ("--threads 2", "expected a path with --threads, found none"),
            ("a.lox b.lox", "expected one path, found a.lox and b.lox"),
            ("--gc-state a.lox", "expected an option, found --gc-state"),
            (
                "--threads 2 a.lox --gc-sites",
                "expected one machine for --gc-sites, found --threads: each thread has a machine of its own",
            ),
        ] {
            assert_eq!(parsed(line), Err(error.to_owned()));
        }
    }
}
