//! The conditions of a run: memory that the host backs already, and a machine that has other things to do.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::process::measure;

/// Has another process touch `bytes` of memory and end, so that the first touches of the run that follows are as cheap as on a machine that
/// has been in use. On a virtual machine the first touch of memory that the host does not back costs up to 5 ms a huge page.
pub(crate) fn warm(program: &Path, bytes: u64) {
    let most = available_memory() / 10 * 7;
    // A machine without so much memory runs on cold one, which the series survives.
    let _ = measure(Command::new(program).args(["touch", &bytes.min(most).to_string()]), Duration::from_secs(120));
}

/// What [`warm`] has another process do. The memory is backed by huge pages where there are, as those of some contestants are: the system splits
/// what it gets back into pages of the usual size at no cost, and would have to search for huge pages otherwise.
pub(crate) fn touch(bytes: u64) {
    const PAGE: usize = 4096;
    let mut memory = Vec::<u8>::with_capacity(bytes as usize);
    let start = memory.as_mut_ptr().wrapping_add(memory.as_ptr().align_offset(PAGE));
    let inside = (bytes as usize).saturating_sub(2 * PAGE) / PAGE * PAGE;
    // A system without huge pages refuses.
    // SAFETY: pages of the vector's memory; the advice changes no contents.
    let _ = unsafe { rustix::mm::madvise(start.cast(), inside, rustix::mm::Advice::LinuxHugepage) };
    for page in memory.spare_capacity_mut().iter_mut().step_by(PAGE) {
        page.write(1);
    }
    gc_benches::clock::sink(memory.as_ptr());
}

/// Bytes that processes could still take.
fn available_memory() -> u64 {
    proc_line("/proc/meminfo", "MemAvailable:")
        .and_then(|value| value.split(' ').next()?.parse::<u64>().ok())
        .unwrap_or(1 << 20)
        << 10
}

/// What stands behind `key` in a file of the system.
fn proc_line(path: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

/// The machine, for those who read the results.
pub(crate) fn machine() -> String {
    let processor = proc_line("/proc/cpuinfo", "model name").unwrap_or_else(|| "a processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = proc_line("/proc/meminfo", "MemTotal:").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    // What distributions add to the version says nothing of speed.
    let kernel: Vec<&str> = kernel.trim().splitn(3, ['.', '-']).take(2).collect();
    let memory = memory.unwrap_or(0).div_ceil(1 << 20);
    format!("{processor}, {cores} cores, {memory} GiB, Linux {}", kernel.join("."))
}

/// Processes that do nothing but run. They end with this value.
pub(crate) struct Busy(Vec<Child>);

impl Busy {
    /// Starts `count` of them.
    pub(crate) fn start(program: &Path, count: usize) -> Result<Self, String> {
        let mut busy = Self(Vec::new());
        for _ in 0..count {
            let child = Command::new(program).arg("spin").stdin(Stdio::piped()).spawn();
            busy.0.push(child.map_err(|error| format!("{}: {error}", program.display()))?);
        }
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended already is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a busy process does, until the process that started it has ended.
pub(crate) fn spin() {
    let parent = rustix::process::getppid();
    while rustix::process::getppid() == parent {
        for word in 0..100_000_000 {
            gc_benches::clock::sink_word(word);
        }
    }
}
