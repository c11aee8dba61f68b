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
