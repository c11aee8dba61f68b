//! The command: what it prints, and its exit codes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{
    profile,
    support::{
        planted::{Planted, planted},
        writer::{File, OBJECT, PROPERTY},
    },
};

/// A file of this name among those of this binary's tests.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn saved(name: &str, planted: &Planted) -> PathBuf {
    fs::write(path(name), planted.file.text()).unwrap();
    path(name)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gc-inspect")).args(arguments).output().unwrap()
}

/// What it prints if it answers.
pub fn answer(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(arguments);
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(status.success() && stderr.is_empty(), "{arguments:?}: {status}, {stderr}");
    String::from_utf8(stdout).unwrap()
}

/// What it complains about, and by which exit code.
pub fn complaint(arguments: &[&str]) -> (i32, String) {
    let Output { status, stderr, .. } = run(arguments);
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// The row of a table whose last cell is this, in words.
pub fn row<'t>(table: &'t str, last: &str) -> Vec<&'t str> {
    let line = table.lines().find(|line| line.ends_with(&format!("  {last}")));
    line.unwrap_or_else(|| panic!("{last} is not in\n{table}")).split_whitespace().collect()
}

#[test]
fn top_has_the_figures_that_were_planted() {
    let planted = planted(50, 300);
    let file = saved("top.heapsnapshot", &planted);
    let text = answer(&["top", "--bytes", file.to_str().unwrap()]);
    let (nodes, edges, bytes) = (planted.file.nodes.len(), planted.edge_count(), planted.file.total());
    assert!(text.starts_with(&format!("{nodes} nodes, {edges} edges, {bytes}, 7 types\n")), "{text}");
    let (sessions, retained) = (planted.sessions, planted.retained);
    let of_sessions = (sessions * (64 + 1024)).to_string();
    assert_eq!(
        row(&text, "demo::Session"),
        ["50", &(sessions * 64).to_string(), &(sessions * 1024).to_string(), &of_sessions, "demo::Session"]
    );
    assert_eq!(row(&text, "demo::Cache"), ["1", "48", "0", &retained.to_string(), "demo::Cache"]);
    assert!(text.contains(&format!("{retained}         1  demo::Cache @11")), "{text}");
    assert!(!text.contains("(GC roots)"), "{text}");
    let short = answer(&["top", "-n", "2", file.to_str().unwrap()]);
    assert!(short.contains("… and 5 more types"), "{short}");
}

#[test]
fn why_has_the_path_and_what_all_paths_go_through() {
    let file = saved("why.heapsnapshot", &planted(50, 300));
    let text = answer(&["why", file.to_str().unwrap(), "Session"]);
    let expected = "\
demo::Session: 50 objects, 53.1 KiB of their own, 53.1 KiB retained

A shortest path from a root to one of them:
  (GC roots) [2]
  (global handles) [0]
  demo::Cache @11 .sessions
  [gc_core::gc::Gc<demo::Session>] @13 [0]
  demo::Session @15

Every path to it goes through these; it would be free without one of them:
  retained  object
  53.5 KiB  [gc_core::gc::Gc<demo::Session>] @13
  53.6 KiB  demo::Cache @11
";
    assert_eq!(text, expected);
    let config = answer(&["why", file.to_str().unwrap(), "demo::Config"]);
    assert!(config.contains("there is none through which every path to it goes"), "{config}");
}

#[test]
fn a_type_that_is_not_there_is_exit_code_1_with_names_that_are_near() {
    let file = saved("missing.heapsnapshot", &planted(5, 30));
    let (code, text) = complaint(&["why", file.to_str().unwrap(), "sess"]);
    assert_eq!(code, 1);
    assert!(text.contains("nothing of type `sess`") && text.contains("\n  demo::Session\n"), "{text}");
    let (code, text) = complaint(&["why", file.to_str().unwrap(), "Absent"]);
    assert!(code == 1 && text.contains("`gc-inspect top` shows which types there are"), "{text}");
}

#[test]
fn diff_says_what_grew_and_which_are_new() {
    let before = saved("before.heapsnapshot", &planted(50, 0));
    let after = saved("after.heapsnapshot", &planted(70, 0));
    let (before, after) = (before.to_str().unwrap(), after.to_str().unwrap());
    let text = answer(&["diff", "--bytes", before, after]);
    assert_eq!(
        row(&text, "demo::Session"),
        ["+20", "50", "70", "+21760", "54400", "76160", "20", "0", "demo::Session"]
    );
    assert!(!text.contains("demo::Config"), "it did not change: {text}");
    let back = answer(&["diff", "--bytes", after, before]);
    assert_eq!(
        row(&back, "demo::Session"),
        ["-20", "70", "50", "-21760", "76160", "54400", "0", "20", "demo::Session"]
    );
}

#[test]
fn ids_that_name_other_objects_are_not_believed() {
    let before = saved("ids.before.heapsnapshot", &planted(50, 0));
    let mut planted = planted(50, 0);
    planted.file.nodes[1..].reverse();
    let ids: Vec<u64> = planted.file.nodes[1..].iter().map(|node| node[2]).collect();
    planted.file.nodes[1..].reverse();
    for (node, id) in planted.file.nodes[1..].iter_mut().zip(ids) {
        node[2] = id;
    }
    let after = saved("ids.after.heapsnapshot", &planted);
    let text = answer(&["diff", before.to_str().unwrap(), after.to_str().unwrap()]);
    assert!(text.contains("which of them are new cannot be told"), "{text}");
}

#[test]
fn flame_draws_what_retains_and_what_allocates() {
    let file = saved("flame.heapsnapshot", &planted(50, 300));
    answer(&["flame", file.to_str().unwrap()]);
    let svg = fs::read_to_string(path("flame.heapsnapshot.svg")).unwrap();
    assert!(svg.contains("<title>demo::Cache (54,8"), "{}", &svg[..svg.len().min(4000)]);

    let (profile, output) = (path("sites.pb.gz"), path("sites.svg"));
    fs::write(&profile, profile::written(&profile::profile())).unwrap();
    let (profile, output) = (profile.to_str().unwrap(), output.to_str().unwrap());
    answer(&["flame", profile, "-o", output]);
    let svg = fs::read_to_string(output).unwrap();
    assert!(svg.contains("<title>demo::main (1,920 bytes, 100.00%)</title>"), "{svg}");
    answer(&["flame", profile, "-o", output, "--value", "alloc_objects"]);
    let svg = fs::read_to_string(output).unwrap();
    assert!(svg.contains("<title>demo::a (2,000 count, 66.67%)</title>"), "{svg}");
    let (code, text) = complaint(&["flame", profile, "--value", "inuse"]);
    assert!(code == 64 && text.contains("it has alloc_objects, alloc_space, inuse_objects, inuse_space"), "{text}");
}

/// A list of a million would be a tower of a million boxes.
#[test]
fn objects_of_one_type_that_keep_each_other_are_one_box() {
    let mut file = File::new();
    let mut last = 0;
    for _ in 0..1000 {
        let node = file.node(OBJECT, "demo::Link", 16);
        file.field(last, PROPERTY, "next", node);
        last = node;
    }
    fs::write(path("list.heapsnapshot"), file.text()).unwrap();
    let text = answer(&["flame", path("list.heapsnapshot").to_str().unwrap()]);
    assert!(text.ends_with("list.heapsnapshot.svg: 1 stacks\n"), "{text}");
    let svg = fs::read_to_string(path("list.heapsnapshot.svg")).unwrap();
    assert!(svg.contains("<title>demo::Link (16,000 bytes, 100.00%)</title>"), "{svg}");
}

#[test]
fn exit_codes_say_what_went_wrong() {
    assert_eq!(complaint(&["top", "/no/such/file"]).0, 74);
    assert_eq!(complaint(&[]).0, 64);
    assert_eq!(complaint(&["topp"]).0, 64);
    let cut = path("cut.heapsnapshot");
    let text = planted(5, 30).file.text();
    fs::write(&cut, &text[..text.len() / 2]).unwrap();
    let (code, text) = complaint(&["top", cut.to_str().unwrap()]);
    assert!(code == 65 && text.contains("cut.heapsnapshot: damaged in ") && text.contains("cut off"), "{text}");
    let file = saved("unwritable.heapsnapshot", &planted(5, 30));
    assert_eq!(complaint(&["flame", file.to_str().unwrap(), "-o", "/no/such/folder/a.svg"]).0, 74);
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}
