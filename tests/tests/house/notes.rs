//! Notes: what an invariant is, is said once, under a name that nothing else in the workspace has, and cited by that name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names in brackets in a comment: two words with a dot between, `[room.promise]`.
fn names(comment: &str) -> impl Iterator<Item = &str> {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let inside = comment.split('[').skip(1).filter_map(|rest| rest.split(']').next());
    inside.filter(move |name| name.split_once('.').is_some_and(|(room, promise)| is_word(room) && is_word(promise)))
}

/// A label of a letter and a digit, as `(W2)`: nobody knows whose it is.
fn label(comment: &str) -> Option<&str> {
    let is_label = |word: &&str| {
        matches!(word.as_bytes(), [b'A'..=b'Z', b'0'..=b'9']) && !["L1", "L2", "L3", "G1", "V8"].contains(word)
    };
    comment.split(|c: char| !c.is_alphanumeric()).find(is_label)
}

/// What is wrong with the notes in these sources.
fn complaints<'s>(sources: impl Iterator<Item = (&'s str, &'s str)> + Clone) -> Vec<String> {
    let comments = sources.flat_map(|(path, source)| {
        source.lines().filter_map(move |line| Some((path, line.trim_start(), line.split_once("//")?.1)))
    });
    let mut complaints = Vec::new();
    let mut defined = BTreeMap::new();
    for (path, line, comment) in comments.clone() {
        let point = line.strip_prefix("//! - **[").or_else(|| line.strip_prefix("/// - **["));
        let definition = point.and_then(|rest| rest.split_once("]** "));
        if let Some((name, _)) = definition
            && let Some(other) = defined.insert(name, path)
        {
            complaints.push(format!("[{name}] is defined in {other} and in {path}"));
        }
        complaints
            .extend(label(comment).map(|label| format!("{path} cites {label}: notes have names, [room.promise]")));
    }
    let cited: BTreeSet<_> =
        comments.flat_map(|(path, _, comment)| names(comment).map(move |name| (name, path))).collect();
    let unknown = cited.into_iter().filter(|(name, _)| !defined.contains_key(name));
    complaints.extend(unknown.map(|(name, path)| format!("{path} cites [{name}], which is defined nowhere")));
    complaints
}

#[test]
fn every_note_has_a_name_of_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = Vec::new();
    for folder in ["gc-core/src", "gc-derive/src", "models", "tests/src"] {
        sources(&root.join(folder), &mut paths);
    }
    let texts: Vec<_> = paths.iter().map(|path| (path.to_str().unwrap(), fs::read_to_string(path).unwrap())).collect();
    assert!(texts.len() > 100, "found only {} sources", texts.len());
    let all = complaints(texts.iter().map(|(path, text)| (*path, text.as_str())));
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn what_is_wrong_with_notes_is_found() {
    let found = |source| complaints([("a.rs", source)].into_iter()).len();
    assert_eq!(found("//! - **[a.b]** It is so.\n// Hence ([a.b]), see [`Vec`], [0..4] and `[a.txt.b]`.\n"), 0);
    assert_eq!(found("//! - **[a.b]** It is so.\n//! - **[a.b]** It is not.\n"), 1, "two of one name");
    assert_eq!(found("// As it is so ([a.b]).\n"), 1, "cited and not defined");
    assert_eq!(found("// As it is so (W2).\n"), 1, "a label");
}
