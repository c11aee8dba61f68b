//! Files that say in comments what they should do, in the conventions of the book's own test suite:
//!
//! - `// expect: text`: the next line of output.
//! - `// expect runtime error: text`: the message; the stack trace begins with this line.
//! - `// Error at 'x': text`: a compile error on this line; `// [line 7] Error…` on another one.
//!
//! All files in `tests/cases` run under every stress profile. If the environment variable `LOX_TEST_SUITE` names the
//! directory `test` of <https://github.com/munificent/craftinginterpreters>, that suite runs too.

mod harness;

use std::collections::BTreeSet;
use std::path::Path;

use harness::{Outcome, PROFILES, files, here, run};

#[derive(Default)]
struct Expected {
    output: Vec<String>,
    compile_errors: BTreeSet<String>,
    runtime_error: Option<(usize, String)>,
}

impl Expected {
    /// Reads the comments of a source; `None` if it is no test.
    fn of(source: &str) -> Option<Self> {
        let mut expected = Self::default();
        for (index, text) in source.lines().enumerate() {
            let line = index + 1;
            let Some((_, comment)) = text.split_once("// ") else { continue };
            if comment == "nontest" {
                return None;
            }
            if let Some((_, message)) = text.split_once("// expect runtime error: ") {
                expected.runtime_error = Some((line, message.to_owned()));
            } else if let Some((_, output)) = text.split_once("// expect:") {
                expected.output.push(output.strip_prefix(' ').unwrap_or(output).to_owned());
            } else if comment.starts_with("Error") {
                expected.compile_errors.insert(format!("[line {line}] {comment}"));
            } else if let Some(error) = comment.strip_prefix('[') {
                // Some cascades of errors differ between the book's two implementations. Ours is like the one in C.
                if let Some(error) = error.strip_prefix("c ").or(error.starts_with("line").then_some(error)) {
                    expected.compile_errors.insert(format!("[{error}"));
                }
            }
        }
        Some(expected)
    }

    fn compare(&self, found: &Outcome) -> Result<(), String> {
        let check = |ok: bool, what: &str| if ok { Ok(()) } else { Err(what.to_owned()) };
        check(found.output.lines().eq(self.output.iter()), "other output")?;
        let mut errors = found.errors.lines();
        if let Some((line, message)) = &self.runtime_error {
            check(errors.next() == Some(message), "another runtime error")?;
            let place = format!("[line {line}] in ");
            check(errors.next().is_some_and(|call| call.starts_with(&place)), "another place of the runtime error")?;
            check(found.code == Some(70), "another exit code")
        } else {
            // One line can have two, in either order.
            let errors: BTreeSet<String> = errors.map(str::to_owned).collect();
            check(errors == self.compile_errors, "other compile errors")?;
            check(found.code == Some(if self.compile_errors.is_empty() { 0 } else { 65 }), "another exit code")
        }
    }
}

/// Runs all files in a directory and tells which failed; returns how many there were.
fn run_all(directory: &Path, profile: &str, skipped: &[&str]) -> usize {
    let mut count = 0;
    let mut failures = Vec::new();
    for path in files(directory) {
        let relative = path.strip_prefix(directory).expect("the file is in the directory");
        if skipped.iter().any(|skipped| relative.starts_with(skipped)) {
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("the file can be read");
        let Some(expected) = Expected::of(&source) else { continue };
        count += 1;
        let found = run(&path, profile);
        if let Err(difference) = expected.compare(&found) {
            failures.push(format!("{}: {difference}: {found:?}", path.display()));
        }
    }
    assert!(failures.is_empty(), "under `{profile}`:\n{}", failures.join("\n"));
    count
}

#[test]
fn cases() {
    for profile in PROFILES {
        assert!(run_all(&here("tests/cases"), profile, &[]) > 50);
    }
}

#[test]
fn the_book() {
    let Some(directory) = std::env::var_os("LOX_TEST_SUITE") else { return };
    // The first two are for its early chapters, where the interpreter is not yet one.
    let skipped = ["scanning", "expressions", "benchmark"];
    for profile in PROFILES {
        assert!(run_all(Path::new(&directory), profile, &skipped) > 200);
    }
}
