//! The layers of `gc-core` point downward only: each module's `use` lines name its own floor or lower ones.

#![forbid(unsafe_code)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// From the ground up. Modules of one floor may use each other, but for those that are [`STRANGERS`].
const FLOORS: &[&[&str]] = &[
    &["sync"],
    &["memory", "safepoint", "stats"],
    &["object"],
    &["space", "workers", "roots", "settings"],
    &["trace", "counted", "barrier"],
    &["young", "old", "gc", "collections"],
    &["collector"],
    &["mutator"],
    &["heap", "root", "slot", "cell", "blocking", "external"],
];

/// Pairs on one floor that know nothing of each other.
const STRANGERS: &[(&str, &str)] = &[
    ("young", "old"),
    ("old", "young"),
    ("memory", "safepoint"),
    ("memory", "stats"),
    ("safepoint", "memory"),
    ("safepoint", "stats"),
    ("stats", "memory"),
    ("stats", "safepoint"),
    ("roots", "space"),
    ("space", "roots"),
    ("space", "workers"),
    ("workers", "space"),
];

/// Names that the crate's root exports, and the modules they are from.
const EXPORTS: &[(&str, &str)] =
    &[("Gc", "gc"), ("Mutator", "mutator"), ("Heap", "heap"), ("Root", "root"), ("Slot", "slot"), ("Leaf", "trace")];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The modules that the `crate::` paths of a source name: `crate::a`, `crate::{a::b, c::{d}}`.
fn used(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code: String = source.lines().filter(|l| !l.trim_start().starts_with("//")).flat_map(|l| [l, "\n"]).collect();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if code[..at].ends_with('$') {
            continue;
        }
        if let Some(list) = rest.strip_prefix('{') {
            let (mut depth, mut name) = (0, String::new());
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => found.push(std::mem::take(&mut name)),
                    c if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            found.push(name);
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect());
        }
    }
    let first = |path: String| path.trim().split("::").next().unwrap_or_default().to_owned();
    found.into_iter().map(first).filter(|name| !name.is_empty()).collect()
}

/// The complaints about one source of `module`.
fn complaints(module: &str, source: &str) -> Vec<String> {
    let own = floor(module).unwrap_or_else(|| panic!("`{module}` has no floor: give it one in FLOORS"));
    let mut complaints = Vec::new();
    for name in used(source) {
        let target = EXPORTS.iter().find(|(export, _)| *export == name).map_or(name.as_str(), |(_, module)| module);
        let Some(theirs) = floor(target) else {
            complaints.push(format!("`{module}` names `crate::{name}`, which has no floor"));
            continue;
        };
        if theirs > own || STRANGERS.contains(&(module, target)) {
            complaints.push(format!("`{module}` uses `{target}`, which is above or beside it"));
        }
    }
    complaints
}

#[test]
fn layers_point_downward() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gc-core/src");
    let mut sources = Vec::new();
    files(&root, &mut sources);
    assert!(sources.len() > 20, "found only {} sources", sources.len());
    let mut all = Vec::new();
    for path in sources {
        let relative = path.strip_prefix(&root).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module != "lib" {
            all.extend(complaints(module, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn an_upward_arrow_is_found() {
    assert_eq!(complaints("memory", "use crate::{sync::Arc, collector::{a, b}};").len(), 1);
    assert_eq!(complaints("young", "use crate::old::mark::Marker;").len(), 1);
    assert_eq!(complaints("slot", "use crate::{Gc, Mutator, object::Edge};").len(), 0);
}
