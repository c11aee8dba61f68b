//! One program run by several mutators of one heap at once.

mod harness;

use std::ffi::OsStr;

use harness::{here, lox};

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
