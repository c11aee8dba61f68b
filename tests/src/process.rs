//! What the system says of this process, and other processes that run a test again. What measures this one must be alone in it.

use std::{
    env, fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::heaps::{TIMEOUT, wait_until};

/// Bytes of this process that are in memory.
pub fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("figures of this process");
    let pages: usize = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages");
    pages * 4096
}

/// Bytes of anonymous memory of this process that are in memory: no code, and no files.
pub fn anonymous_bytes() -> usize {
    let text = fs::read_to_string("/proc/self/smaps_rollup").expect("figures of this process");
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:")).expect("anonymous memory");
    line.split_whitespace().next().and_then(|kib| kib.parse::<usize>().ok()).expect("a number") << 10
}

/// Pages that the system has backed for this process when they were first touched.
pub fn page_faults() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").expect("figures of this process");
    let (_, figures) = text.rsplit_once(") ").expect("a name in brackets");
    figures.split(' ').nth(7).and_then(|faults| faults.parse().ok()).expect("a number of minor faults")
}

/// The system's thread that joins pages to huge ones, which backs what was given back between them.
pub struct PageJoiner {
    /// Its settings, to be restored.
    settings: Vec<(&'static str, String)>,
}

impl PageJoiner {
    const FOLDER: &str = "/sys/kernel/mm/transparent_hugepage/khugepaged";

    fn path(setting: &str) -> String {
        format!("{}/{setting}", Self::FOLDER)
    }

    /// Makes it fast, until this is dropped. `None` where there is none, or where that is not permitted.
    pub fn hasten() -> Option<Self> {
        let mut this = Self { settings: Vec::new() };
        for (setting, fast) in [("scan_sleep_millisecs", "1"), ("pages_to_scan", "65536")] {
            let path = Self::path(setting);
            this.settings.push((setting, fs::read_to_string(&path).ok()?));
            fs::write(path, fast).ok()?;
        }
        Some(this)
    }

    fn scans() -> u64 {
        let text = fs::read_to_string(Self::path("full_scans")).expect("a figure of the system");
        text.trim().parse().expect("a number")
    }

    /// Waits until it has looked at all memory, or for so long that it should have: there may be much in other processes.
    pub fn wait_for_scans(&self) {
        // One is under way.
        let (until, start) = (Self::scans() + 2, Instant::now());
        while Self::scans() < until && start.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for PageJoiner {
    fn drop(&mut self) {
        for (setting, before) in &self.settings {
            // What was not permitted was not changed.
            let _ = fs::write(Self::path(setting), before.trim());
        }
    }
}

/// Waits until no more than `most` bytes of anonymous memory are backed beyond those `before`, and checks that the system does not
/// back more again when it joins pages.
#[track_caller]
pub fn assert_backed(before: usize, most: usize, what: &str) {
    let backed = || anonymous_bytes().saturating_sub(before);
    wait_until(&format!("no more than {most} bytes are backed: {what}"), || backed() <= most);
    if let Some(joiner) = PageJoiner::hasten() {
        joiner.wait_for_scans();
        assert!(backed() <= most, "{} bytes backed after pages were joined, at most {most} expected: {what}", backed());
    }
}

/// Runs `body` as `test` of the calling test program, in a process of its own, which it has to end, and which has to say `expected`.
#[track_caller]
pub fn assert_aborts(test: &str, expected: &str, body: impl FnOnce()) {
    const ALONE: &str = "GC_TEST_ALONE";
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let mut alone = Command::new(env::current_exe().expect("a test program"));
    let output = alone.args([test, "--exact", "--nocapture"]).env(ALONE, "1").output().expect("a process");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(expected), "{}: {said}", output.status);
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
