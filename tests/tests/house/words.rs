//! The words of the field (*The Garbage Collection Handbook*), and those that were this project's own and are not used any more.

use std::{fs, path::Path};

/// What is not said, and what is said instead.
const DIALECT: &[(&str, &str)] = &[
    ("beside the program", "concurrently"),
    ("crew", "worker pool"),
    ("team", "worker pool"),
    ("hire", "start"),
    ("hired", "started"),
    ("rouse", "wake"),
    ("hungry", "starving"),
    ("bury", "reclaim"),
    ("buried", "reclaimed"),
    ("grave", "reclaim"),
    ("holder", "source"),
    ("preserve", "log the old value"),
    ("snapshot buffer", "SATB buffer"),
    ("seat", "owner handle"),
    ("stuck", "saturated"),
    ("let_go", "release the last biased count"),
    ("lets go", "releases"),
    ("extent", "size with header"),
    ("settle", "flush"),
    ("patience", "timeout"),
    ("copied_alone", "parallel threshold"),
    ("whoever", "the thread, or role, that does it"),
    ("whomever", "the thread, or role, that does it"),
    ("but for", "except"),
];

/// The words of the dialect in a text: whole words, in any case. Names of types and fields are words of their own.
fn found(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.to_lowercase();
        for &(word, instead) in DIALECT {
            let whole = line
                .match_indices(word)
                .any(|(at, _)| !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part));
            if whole {
                found.push((number + 1, word, instead));
            }
        }
    }
    found
}

fn read(folder: &Path, complaints: &mut Vec<String>) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += read(&path, complaints);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files += 1;
            let text = fs::read_to_string(&path).unwrap();
            complaints.extend(
                found(&text)
                    .into_iter()
                    .map(|(line, word, instead)| format!("{}:{line}: `{word}`, say `{instead}`", path.display())),
            );
        }
    }
    files
}

#[test]
fn the_sources_speak_the_fields_language() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut complaints = Vec::new();
    let files = ["gc-core/src", "gc-derive/src", "models"].map(|folder| read(&root.join(folder), &mut complaints));
    assert!(files.iter().sum::<usize>() > 100, "found only {files:?} files");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// No file has more than one idea; one past this many lines is looked at.
#[test]
fn no_file_is_long() {
    const LINES: usize = 600;
    fn long(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                long(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let lines = fs::read_to_string(&path).unwrap().lines().count();
                if lines > LINES {
                    found.push(format!("{}: {lines} lines", path.display()));
                }
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for folder in [
        "gc-core/src",
        "gc-derive/src",
        "models",
        "tests/src",
        "tests/tests",
        "benches/src",
        "benches/workloads",
        "examples",
    ] {
        long(&root.join(folder), &mut found);
    }
    assert!(found.is_empty(), "expected at most {LINES} lines a file, found\n{}", found.join("\n"));
}

#[test]
fn a_word_of_the_dialect_is_found() {
    assert_eq!(found("//! Marks beside the program.\n// The Crew is hungry; hungrily, it let_goes.").len(), 3);
    assert_eq!(found("// Settled questions of steam; a seated crewman.").len(), 0);
}
