//! What the tests share: the interpreter as a process, and the stress profiles.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Settings of `GC_CORE_STRESS`. The first is none.
pub const PROFILES: [&str; 10] = [
    "",
    "every-safepoint",
    "full-every=1,every-safepoint=20",
    "tiny-nursery,full-every=4",
    "promote-always,tiny-nursery",
    "promote-never,every-safepoint=5",
    "promote-random,every-allocation=7,seed=1",
    "to-space-full=3,every-safepoint=3",
    "every-safepoint=400,full-every=2,verify",
    "slow-marker=64,full-every=2,every-safepoint=3,workers=2",
];

/// How a run of the interpreter ended.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

/// Runs the interpreter with arguments, under a stress profile, and feeds it `input`.
pub fn lox(arguments: &[&OsStr], profile: &str, input: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lox"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A profile of the surroundings would count twice.
    command.env_remove("GC_CORE_STRESS");
    if !profile.is_empty() {
        command.env("GC_CORE_STRESS", profile);
    }
    let mut child = command.spawn().expect("the interpreter starts");
    // It need not read its input.
    _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the interpreter ends");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Outcome { code: output.status.code(), output: text(output.stdout), errors: text(output.stderr) }
}

/// Runs a file.
pub fn run(path: &Path, profile: &str) -> Outcome {
    lox(&[path.as_os_str()], profile, "")
}

/// Runs a source, which the file `name` is made for.
pub fn run_source(name: &str, source: &str, profile: &str) -> Outcome {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, source).expect("the temporary directory can be written to");
    run(&path, profile)
}

/// A path in this package.
pub fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All files with the extension `lox` below a directory, in order.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the entry can be read").path()).collect();
    paths.sort();
    let of = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => Vec::from_iter(path.extension().is_some_and(|it| it == "lox").then_some(path)),
    };
    paths.into_iter().flat_map(of).collect()
}
