//! What the system says of this process, and other processes that run a test again. What measures this one must be alone in it.

use std::{
    env,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::heaps::TIMEOUT;

/// Bytes of this process that are in memory.
pub fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("figures of this process");
    let pages: usize = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages");
    pages * 4096
}

/// Runs `test` of the calling test program again, in a process of its own with `variable` set to `place`. Panics if that process
/// hangs, or if it does not exit with the code 7.
#[track_caller]
pub fn assert_exits(test: &str, variable: &str, place: &str) {
    let mut child = Command::new(env::current_exe().expect("a test program"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(variable, place)
        .spawn()
        .expect("a process");
    let start = Instant::now();
    let status = loop {
        match child.try_wait().expect("a child of this process") {
            Some(status) => break status,
            None if start.elapsed() > TIMEOUT => {
                child.kill().expect("a child that runs");
                panic!("hangs where it exits in: {place}");
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    assert_eq!(status.code(), Some(7), "{place}: {status}");
}
