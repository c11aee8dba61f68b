//! All workloads of this language, at small sizes: every contestant runs, and all agree.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use gc_workloads::{WORKLOADS, growth::Growth, results::Results};

#[test]
fn contestants_agree_on_every_workload() {
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quick");
    // Those of other languages depend on the machine.
    let mut names: BTreeSet<String> =
        WORKLOADS.iter().flat_map(|workload| workload.contestants).map(|contestant| contestant.0.to_owned()).collect();
    names.extend(["box-mimalloc".to_owned(), "rc-mimalloc".to_owned()]);
    let names: Vec<String> = names.into_iter().collect();
    let run = Command::new(env!("CARGO_BIN_EXE_gc-workloads"))
        .args(["--quick", "--contestants", &names.join(","), "--output"])
        .arg(&output)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    let results = Results::read(&output.join("quick.json")).unwrap();
    assert_eq!(results.missing, [""; 0], "all of this language can run");
    let ran: Vec<&str> = results.workloads.iter().map(|runs| &*runs.name).collect();
    assert_eq!(ran, WORKLOADS.iter().map(|workload| workload.name).collect::<Vec<_>>());
    for (runs, workload) in results.workloads.iter().zip(WORKLOADS) {
        let there: BTreeSet<&str> = runs.entries.iter().map(|entry| &*entry.contestant).collect();
        for (name, _) in workload.contestants {
            assert!(there.contains(name), "{name} did not run {}", runs.name);
        }
        assert!(runs.entries.iter().all(|entry| entry.median.wall_s > 0.0 && entry.median.peak_mib > 0.0));
        assert!(!runs.checksum.is_empty());
    }
}

/// The protocol of `README.md`.
#[test]
fn a_contestant_without_the_workload_says_so() {
    let run = Command::new(env!("CARGO_BIN_EXE_gc-workloads")).args(["run", "box", "graph_churn"]).output().unwrap();
    assert_eq!((run.status.code(), run.stdout), (Some(3), Vec::new()));
}

/// Curves are drawn of everything that is changed.
#[test]
fn growth_is_measured_and_drawn() {
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("growth");
    let run = Command::new(env!("CARGO_BIN_EXE_gc-workloads"))
        .args(["growth", "--quick", "--output"])
        .arg(&output)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let growth: Growth = serde_json::from_str(&fs::read_to_string(output.join("growth.json")).unwrap()).unwrap();
    let names: Vec<&str> = growth.curves.iter().map(|curve| &*curve.name).collect();
    assert_eq!(names, ["live", "mutators", "stores", "size", "survival"]);
    for curve in &growth.curves {
        assert!(curve.points.iter().all(|point| point.wall_ns > 0.0 && point.cpu_ns > 0.0));
        let picture = fs::read_to_string(output.join(format!("growth-{}.svg", curve.name))).unwrap();
        assert!(picture.contains("<svg") && picture.contains("processor time"), "{picture}");
    }
}

/// What the book shows is what was measured.
#[test]
fn the_curves_of_the_book_are_those_of_the_results() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("curves");
    fs::create_dir_all(&output).unwrap();
    fs::copy(here.join("results/growth.json"), output.join("growth.json")).unwrap();
    let run =
        Command::new(env!("CARGO_BIN_EXE_gc-workloads")).arg("show").arg(output.join("growth.json")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    for curve in Growth::read(&output.join("growth.json")).unwrap().curves {
        let name = format!("growth-{}.svg", curve.name);
        let (drawn, shown) =
            (fs::read(output.join(&name)).unwrap(), fs::read(here.join("../../book/src").join(&name)).unwrap());
        assert!(
            drawn == shown,
            "expected {name} as `gc-workloads show` draws it of results/growth.json: copy it into book/src"
        );
    }
}
