//! The arrangement of the tests: a folder is a subject and a binary, which the sanitizers run too; a file beside the folders
//! is alone in its process, and says why.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What is in a folder, by name.
fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

/// The complaints about a folder: a file that `main.rs` does not name is not compiled, and nothing would say so.
fn complaints(folder: &Path) -> Vec<String> {
    let Ok(main) = fs::read_to_string(folder.join("main.rs")) else {
        return vec![format!("{} has no main.rs, so nothing in it is run", folder.display())];
    };
    let modules: BTreeSet<&str> =
        main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    let files = entries(folder);
    let missed = files.iter().filter(|file| stem(file) != "main" && !modules.contains(stem(file)));
    missed.map(|file| format!("{} is not in its main.rs, so it is not run", file.display())).collect()
}

#[test]
fn every_file_of_a_folder_is_run() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders: Vec<_> = entries(&tests).into_iter().filter(|path| path.is_dir()).collect();
    assert!(folders.len() > 10, "found only {} folders", folders.len());
    let all: Vec<_> = folders.iter().flat_map(|folder| complaints(folder)).collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_file_beside_the_folders_says_why_it_is_alone() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for file in entries(&tests).into_iter().filter(|path| path.is_file()) {
        let text = fs::read_to_string(&file).unwrap();
        let documentation = text.lines().take_while(|line| line.starts_with("//!"));
        assert!(
            documentation.collect::<String>().contains("Alone in its process: "),
            "{}: sanitizers run folders only: move it to that of its subject, or say why it is `Alone in its process: `",
            file.display()
        );
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries(folder).into_iter().flat_map(below).collect()
}

/// Whether a test's path may begin with the module `file::` and have such a part.
fn is_part_of_a_test(part: &str, files: &[PathBuf]) -> bool {
    let Some((module, name)) = part.split_once("::") else { return false };
    let named = |path: &&PathBuf| stem(path) == module;
    files.iter().filter(named).any(|path| fs::read_to_string(path).unwrap().contains(&format!("\nfn {name}")))
}

#[test]
fn what_the_sanitizers_skip_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = files(&here.join("tests"));
    let list = fs::read_to_string(here.join("../.ci/sanitizers.skip")).unwrap();
    let parts: Vec<_> = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(!parts.is_empty());
    for part in parts {
        assert!(is_part_of_a_test(part, &tests), "no test has `{part}`, which .ci/sanitizers.skip names");
    }
    assert!(!is_part_of_a_test("depth::a_list_that_nobody_makes", &tests));
}

#[test]
fn a_file_that_is_not_run_is_found() {
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join("arrangement");
    fs::create_dir_all(&here).unwrap();
    assert_eq!(complaints(&here).len(), 1);
    fs::write(here.join("main.rs"), "mod named;\n").unwrap();
    fs::write(here.join("named.rs"), "").unwrap();
    assert_eq!(complaints(&here), Vec::<String>::new());
    fs::write(here.join("forgotten.rs"), "").unwrap();
    assert_eq!(complaints(&here).len(), 1);
    fs::remove_dir_all(here).unwrap();
}
