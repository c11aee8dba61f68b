//! The server leaks, the fixed one does not, and each step of the command says so.

use std::{path::Path, process::Command};

use gc_core::{
    Heap,
    observe::{Census, assert_no_growth},
};
use leaky_server::{Server, Session};

const CAPACITY: usize = 10;

#[test]
fn the_leak_keeps_every_session() {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let server = Server::leaky(&m, CAPACITY);
    server.visits(&heap, &mut m, 0..100);
    assert_eq!(server.len(&m), CAPACITY);
    assert_eq!(Census::take(&mut m).count::<Session<'_>>(), 100);
}

#[test]
fn the_fixed_server_keeps_what_the_cache_has() {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let server = Server::fixed(&m, CAPACITY);
    server.visits(&heap, &mut m, 0..100);
    assert_eq!(Census::take(&mut m).count::<Session<'_>>(), CAPACITY);
}

/// Sees to it that a hundred more visits leave nothing.
fn visits_leave_nothing(new: fn(&gc_core::Mutator, usize) -> Server) {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let server = new(&m, CAPACITY);
    let mut hundreds = 0..;
    assert_no_growth(&mut m, |m| {
        let first = 100 * hundreds.next().expect("there are many");
        server.visits(&heap, m, first..first + 100);
    });
}

#[test]
#[should_panic(expected = "leaky_server::Session")]
fn the_leak_fails_the_test_of_growth() {
    visits_leave_nothing(Server::leaky);
}

#[test]
fn the_fixed_server_passes_the_test_of_growth() {
    visits_leave_nothing(Server::fixed);
}

#[test]
fn the_command_finds_the_leak() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let output = Command::new(env!("CARGO_BIN_EXE_leaky_server")).arg(directory).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    assert!(output.status.success(), "{text}");
    for said in [
        "leaky_server::Session<'_>: 4000 objects (+500.0 each time)",
        "GcCell<Sessions<'_>>.by_user[",
        "4400 sessions are in one index, 100 in both",
        "assert_no_growth: expected",
    ] {
        assert!(text.contains(said), "{said}, in\n{text}");
    }
    assert!(text.ends_with("\nok\n"), "{text}");
    let dot = std::fs::read_to_string(directory.join("leak.dot")).expect("a picture");
    assert!(dot.starts_with("digraph heap {") && dot.contains("by_token[") && dot.contains("by_user["), "{dot}");
}

#[test]
fn wrong_use_is_an_error() {
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_leaky_server")).args(arguments).output().expect("it runs")
    };
    let output = run(&["one", "two"]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(output.stderr, b"leaky_server: expected one directory at most, found two too\n");
    let output = run(&["no/such/directory"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains("no/such/directory"), "{errors}");
}
