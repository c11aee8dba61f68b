//! Unit tests that end their process, each in a process of its own.

use std::{
    env,
    process::{Command, exit},
};

/// Runs `body` in another process, as the only test of this program, named `name`. That process has
/// to be ended by it, and to say `expected`.
#[track_caller]
pub(crate) fn ends(name: &str, expected: &str, body: impl FnOnce()) {
    const ALONE: &str = "GC_CORE_TEST_ALONE";
    if env::var_os(ALONE).is_some() {
        body();
        exit(0);
    }
    let mut alone = Command::new(env::current_exe().expect("a test program"));
    let output = alone.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().expect("a process");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(expected), "{}: {said}", output.status);
}
