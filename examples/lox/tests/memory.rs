//! What a program no longer uses goes: strings, functions, classes.

use std::{io, time::Duration};

use gc_core::Heap;
use lox::{Failure, Lox};

/// Runs `line` many times and returns how many bytes the old generation holds after half of the times, and after all.
fn held(line: impl Fn(usize) -> String, times: usize) -> (usize, usize) {
    let heap = Heap::builder().build().expect("a heap");
    let mut lox = Lox::new(&heap).expect("a machine");
    let mut after = |lines: std::ops::Range<usize>| {
        for i in lines {
            let (mut output, mut errors) = (Vec::new(), Vec::new());
            let result = lox.interpret(&line(i), &mut output, &mut errors);
            assert!(result.is_ok(), "{}", String::from_utf8_lossy(&errors));
        }
        // What a collection finds dead leaves the table of strings on another thread, and the table that it leaves is collected next.
        for _ in 0..3 {
            lox.collect();
            let drained = lox.blocked(|| heap.with(|m| m.drain_drops(Duration::from_secs(120))));
            drained.expect("the machine's own mutator").expect("destructors that end");
        }
        heap.stats().old_bytes
    };
    (after(0..times / 2), after(times / 2..times))
}

#[track_caller]
fn stays_level(line: impl Fn(usize) -> String, times: usize) {
    let (half, all) = held(line, times);
    assert!(half > 0 && all <= half + SLACK, "{half} bytes, and then {all}");
}

/// The table of strings is full or half full, as it happens. What leaks here would be more by far.
const SLACK: usize = 256 * 1024;

#[test]
fn strings_of_the_source() {
    stays_level(|i| format!("var s = \"the string of line {i}\";"), 10_000);
}

#[test]
fn strings_made_by_the_program() {
    let line = |i| {
        format!(
            "var s = \"{i}\";
             for (var i = 0; i < 100; i = i + 1) s = s + \".\";"
        )
    };
    stays_level(line, 1_000);
}

#[test]
fn functions() {
    stays_level(|i| format!("fun f(a) {{ fun g() {{ return a + {i}; }} return g; }} f({i})();"), 4_000);
}

#[test]
fn classes_and_their_instances() {
    let line = |i| {
        format!(
            "class A {{ init() {{ this.me = this; }} m() {{ return {i}; }} }}
             class B < A {{ m() {{ return super.m(); }} }}
             var b = B();
             b.bound = b.m;
             b.bound();"
        )
    };
    stays_level(line, 4_000);
}

#[test]
fn weak_references() {
    stays_level(
        |_| "class A {} var a = A(); a.me = weak(a); for (var i = 0; i < 10; i = i + 1) weak(A());".to_owned(),
        4_000,
    );
}

/// Each has its own, which captures it.
#[test]
fn instances_with_finalizers() {
    let line = |i| {
        let define = if i == 0 { "class A {} var count = 0;" } else { "" };
        // What waits in the queue at the end is alive.
        let check = if i % 100 == 99 { format!("collect(); if (count != {i} + 1) fail();") } else { String::new() };
        format!(
            "{define}
             fun make() {{
               var a = A();
               fun done(it) {{ if (it == a) count = count + 1; }}
               finalize(a, done);
             }}
             make();
             {check}"
        )
    };
    stays_level(line, 4_000);
}

const FINALIZED: &str = "class A {} fun done(a) { print \"done\"; } finalize(A(), done);";

#[test]
fn finalizers_run_though_the_next_script_reaches_no_safepoint() {
    let heap = Heap::builder().build().expect("a heap");
    let mut lox = Lox::new(&heap).expect("a machine");
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    assert!(lox.interpret(FINALIZED, &mut output, &mut errors).is_ok());
    lox.collect();
    assert_eq!(output, b"");
    assert!(lox.interpret("print \"next\";", &mut output, &mut errors).is_ok());
    assert_eq!((output.as_slice(), errors.as_slice()), (&b"next\ndone\n"[..], &b""[..]));
}

/// Nothing can be written to it.
struct Closed;

impl io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_finalizer_that_cannot_print_ends_the_script() {
    let heap = Heap::builder().build().expect("a heap");
    let mut lox = Lox::new(&heap).expect("a machine");
    let mut errors = Vec::new();
    let source = format!("{FINALIZED} fun f() {{ collect(); print \"after\"; }} f(); print \"end\";");
    assert!(matches!(lox.interpret(&source, &mut Closed, &mut errors), Err(Failure::Output(_))));
    let mut output = Vec::new();
    assert!(lox.interpret("print \"next\";", &mut output, &mut errors).is_ok());
    assert_eq!((output.as_slice(), errors.as_slice()), (&b"next\n"[..], &b""[..]));
}

#[test]
fn scripts_that_failed() {
    let heap = Heap::builder().build().expect("a heap");
    let mut lox = Lox::new(&heap).expect("a machine");
    let mut errors = Vec::new();
    for _ in 0..100 {
        // With captured variables still open, and a stack full of strings.
        let source = "fun f(a) { fun g() { return a; } var s = \"x\"; return s + (s + g()) + f(s + a); } f(\"y\");";
        assert!(lox.interpret(source, &mut Vec::new(), &mut errors).is_err());
    }
    let mut output = Vec::new();
    assert!(
        lox.interpret("fun f(a) { fun g() { return a; } return g; } print f(1)();", &mut output, &mut errors).is_ok()
    );
    assert_eq!(output, b"1\n");
}
