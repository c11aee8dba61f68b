//! The programs in other languages, at small sizes, as far as they are installed: they agree with gc-core on every workload.

use std::{path::Path, process::Command};

use gc_workloads::{WORKLOADS, foreign::NOT_BUILT, results::Results};

/// One contestant of each language, and the workloads that it does not have: threads of Node share no objects.
const LANGUAGES: [(&str, &[&str]); 4] =
    [("java-serial", &[]), ("go", &[]), ("ocaml", &[]), ("node", &["binary_trees_threads", "shared_cache"])];

#[test]
fn programs_in_other_languages_agree_with_gc_core() {
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign");
    let names = LANGUAGES.map(|(name, _)| name).join(",");
    let run = Command::new(env!("CARGO_BIN_EXE_gc-workloads"))
        .args(["--quick", "--cold", "--contestants", &format!("gc-core,{names}"), "--output"])
        .arg(&output)
        .output()
        .unwrap();
    // It fails where checksums differ.
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    let results = Results::read(&output.join("quick.json")).unwrap();
    for line in &results.missing {
        assert!(!line.contains(NOT_BUILT), "{line}");
        println!("skipped: {line}");
    }
    for (name, lacks) in LANGUAGES.into_iter().filter(|(name, _)| results.contestants.contains_key(*name)) {
        let ran = |workload: &str| {
            let runs = results.workloads.iter().find(|runs| runs.name == workload).unwrap();
            runs.entries.iter().any(|entry| entry.contestant == name)
        };
        for workload in WORKLOADS {
            assert_eq!(ran(workload.name), !lacks.contains(&workload.name), "{name}, {}", workload.name);
        }
    }
}
