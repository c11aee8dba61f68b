//! One program run by several mutators of one heap at once.

mod harness;

use std::ffi::OsStr;
use std::path::Path;

use harness::{here, lox, run_source};

/// Each run's output is whole and in order, whatever the collector does.
#[test]
fn every_run_prints_what_one_alone_does() {
    let program = here("programs/closures.lox");
    let alone = lox(&[program.as_os_str()], "", "");
    for profile in ["", "tiny-nursery,every-safepoint=50", "promote-random,every-allocation=70,seed=3"] {
        let found = lox(&[OsStr::new("--threads"), OsStr::new("3"), program.as_os_str()], profile, "");
        assert_eq!((found.code, found.errors.as_str()), (Some(0), ""), "{profile}");
        assert_eq!(found.output, alone.output.repeat(3), "{profile}");
    }
}

/// Each machine finalizes its own instances, and its weak references go with its own.
#[test]
fn every_run_finalizes_its_own() {
    let source = "\
class A {}
var count = 0;
fun done(it) { if (it.weak() == nil) count = count + it.n; }
fun make(n) {
  var a = A();
  a.n = n;
  a.me = a;
  a.weak = weak(a);
  finalize(a, done);
  return a;
}
var kept = make(1000000);
for (var i = 1; i <= 300; i = i + 1) {
  make(i);
  if (i == 100 or i == 200) collect();
}
collect();
print count;
print kept.weak() == kept;
";
    let alone = run_source("finalizers.lox", source, "");
    assert_eq!((alone.code, alone.output.as_str(), alone.errors.as_str()), (Some(0), "45150\ntrue\n", ""));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("finalizers.lox");
    for profile in ["", "tiny-nursery,every-safepoint=50", "promote-random,every-allocation=70,seed=3"] {
        let found = lox(&[OsStr::new("--threads"), OsStr::new("3"), program.as_os_str()], profile, "");
        assert_eq!((found.code, found.errors.as_str()), (Some(0), ""), "{profile}");
        assert_eq!(found.output, alone.output.repeat(3), "{profile}");
    }
}
