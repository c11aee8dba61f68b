//! What the machine tells of its heap: heap snapshots, allocation sites, timelines.

mod harness;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use harness::{Outcome, PROFILES, lox};
use serde_json::Value;

/// A chain of a hundred instances, and garbage.
const SOURCE: &str = "\
class Session { init(next) { this.next = next; } }
class Request {}
var sessions = nil;
for (var i = 0; i < 100; i = i + 1) {
  sessions = Session(sessions);
  Request();
}
print \"served\";
";

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Runs a source with options, under a stress profile.
fn run(source: &str, name: &str, options: &[&OsStr], profile: &str) -> Outcome {
    let path = scratch(name);
    std::fs::write(&path, source).expect("the temporary directory can be written to");
    let arguments: Vec<&OsStr> = options.iter().copied().chain([path.as_os_str()]).collect();
    lox(&arguments, profile, "")
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the file was written");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the nodes of a heap snapshot, one for each node.
fn names(snapshot: &Value) -> Vec<&str> {
    let fields = snapshot["snapshot"]["meta"]["node_fields"].as_array().expect("a list of fields").len();
    let nodes = snapshot["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len() as u64, fields as u64 * snapshot["snapshot"]["node_count"].as_u64().expect("a number"));
    let name =
        |node: &[Value]| snapshot["strings"][node[1].as_u64().expect("an index") as usize].as_str().expect("text");
    nodes.chunks(fields).map(name).collect()
}

fn lines<'o>(errors: &'o str, start: &str) -> Vec<&'o str> {
    errors.lines().filter(|line| line.starts_with(start)).collect()
}

#[test]
fn a_snapshot_has_what_the_globals_hold() {
    for profile in PROFILES {
        let file = scratch("held.heapsnapshot");
        let found = run(SOURCE, "held.lox", &["--gc-snapshot".as_ref(), file.as_os_str()], profile);
        assert_eq!((found.code, found.output.as_str()), (Some(0), "served\n"), "{}", found.errors);
        let snapshot = json(&file);
        let names = names(&snapshot);
        assert_eq!(names.iter().filter(|name| name.contains("class::Instance")).count(), 100, "`{profile}`");
        assert_eq!(names.iter().filter(|name| name.contains("class::Class")).count(), 2);
        let counts = lines(&found.errors, "gc: instances");
        assert_eq!(counts.len(), 1, "no request is alive: {}", found.errors);
        assert!(counts[0].starts_with("gc: instances    100 of Session, one by root of Vm"), "{}", counts[0]);
        assert!(counts[0].contains(" → globals["), "{}", counts[0]);
    }
}

/// What tracks sites has weak references of its own, which are not part of the program.
#[test]
fn sites_are_not_in_the_snapshot() {
    let file = scratch("both.heapsnapshot");
    let found = run(SOURCE, "both.lox", &["--gc-sites".as_ref(), "--gc-snapshot".as_ref(), file.as_os_str()], "");
    assert_eq!(found.code, Some(0), "{}", found.errors);
    assert_eq!(names(&json(&file)).iter().filter(|name| name.contains("weak cell")).count(), 0);
}

/// The number in a path is told with its name.
#[test]
fn the_path_of_an_instance_begins_at_a_global() {
    let file = scratch("path.heapsnapshot");
    let found = run(SOURCE, "path.lox", &["--gc-snapshot".as_ref(), file.as_os_str()], "");
    let (_, number) = lines(&found.errors, "gc: instances")[0].split_once(" → globals[").expect("a global leads to it");
    let (number, _) = number.split_once(']').expect("the number ends");
    let global = format!("gc: global       globals[{number}] is sessions");
    assert!(found.errors.lines().any(|line| line == global), "{}", found.errors);
}

#[test]
fn a_snapshot_is_written_of_a_program_that_failed_too() {
    let file = scratch("failed.heapsnapshot");
    let source = format!("{SOURCE}missing();");
    let found = run(&source, "failed.lox", &["--gc-snapshot".as_ref(), file.as_os_str()], "");
    assert_eq!(found.code, Some(70));
    assert!(found.errors.starts_with("Undefined variable 'missing'.\n"), "{}", found.errors);
    assert_eq!(names(&json(&file)).iter().filter(|name| name.contains("class::Instance")).count(), 100);
}

#[test]
fn a_snapshot_has_no_text_of_the_program() {
    let file = scratch("secret.heapsnapshot");
    let source = "var password = \"open sesame\"; password = password + \" now\";";
    let found = run(source, "secret.lox", &["--gc-snapshot".as_ref(), file.as_os_str()], "");
    assert_eq!(found.code, Some(0));
    assert!(!std::fs::read_to_string(&file).expect("it was written").contains("sesame"));
}

#[test]
fn sites_are_places_in_the_machine_the_largest_first() {
    for profile in PROFILES {
        let found = run(SOURCE, "sites.lox", &["--gc-sites".as_ref()], profile);
        assert_eq!((found.code, found.output.as_str()), (Some(0), "served\n"), "{}", found.errors);
        assert_eq!(lines(&found.errors, "gc: sites").len(), 1, "{}", found.errors);
        // Lines of the program: the fifth makes sessions, the sixth requests.
        let program = ["gc: line 5       100 instances alive, of 100", "gc: line 6       0 instances alive, of 100"];
        assert_eq!(lines(&found.errors, "gc: line "), program);
        let places: Vec<_> = lines(&found.errors, "gc:              ");
        assert!((3..=10).contains(&places.len()), "{}", found.errors);
        // Where instances are made: a hundred sessions live; the hundred requests do not.
        assert!(places[0].contains("class.rs:") && places[0].contains(": 100 objects, "), "{}", places[0]);
        assert!(places[0].contains("(allocated: 200, "), "{}", places[0]);
    }
}

/// The list of instances forgets the dead: it is swept many times here.
#[test]
fn lines_of_many_instances_are_counted() {
    let source = "class A { init(next) { this.next = next; } }\n\
                  var kept = nil;\n\
                  for (var i = 0; i < 20000; i = i + 1) {\n  A(nil);\n  if (i < 3000) kept = A(kept);\n}";
    let found = run(source, "lines.lox", &["--gc-sites".as_ref()], "");
    let expected = ["gc: line 5       3000 instances alive, of 3000", "gc: line 4       0 instances alive, of 20000"];
    assert_eq!(lines(&found.errors, "gc: line "), expected, "{}", found.errors);
}

#[test]
fn a_timeline_has_the_pauses() {
    let source = format!("{SOURCE}collect(); collect();");
    for profile in PROFILES {
        let file = scratch("pauses.json");
        let found = run(&source, "pauses.lox", &["--gc-trace".as_ref(), file.as_os_str()], profile);
        assert_eq!((found.code, found.output.as_str()), (Some(0), "served\n"), "{}", found.errors);
        let timeline = json(&file);
        let events = timeline["traceEvents"].as_array().expect("a list of events");
        let names: BTreeSet<_> = events.iter().filter_map(|event| event["name"].as_str()).collect();
        for cycle in ["major cycle 1", "major cycle 2"] {
            assert!(names.contains(cycle), "`{profile}`: {names:?}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_is_74_and_nothing_runs() {
    for option in ["--gc-snapshot", "--gc-trace"] {
        let found = run(SOURCE, "unwritten.lox", &[option.as_ref(), "no/such/directory/file".as_ref()], "");
        let errors = "Could not write file \"no/such/directory/file\": No such file or directory (os error 2).\n";
        assert_eq!(found, Outcome { code: Some(74), output: String::new(), errors: errors.to_owned() });
    }
}

#[test]
fn wrong_use_is_64() {
    let help = "Usage: lox [options] [path]; `lox --help` lists the options.\n";
    for (options, error) in [
        (&["--gc-snapshot"][..], "expected the name of a file after --gc-snapshot, found nothing"),
        (&["--gc-trace", "--gc-sites"], "expected the name of a file after --gc-trace, found --gc-sites"),
        (&["--gc-snapshot", "a", "--gc-snapshot", "b"], "expected --gc-snapshot once, found it twice"),
        (
            &["--gc-sites", "--threads", "2", "a.lox"],
            "expected one machine for --gc-sites, found --threads: each thread has a machine of its own",
        ),
    ] {
        let options: Vec<&OsStr> = options.iter().map(OsStr::new).collect();
        let found = lox(&options, "", "");
        assert_eq!((found.code, found.errors), (Some(64), format!("lox: {error}\n{help}")));
    }
}
