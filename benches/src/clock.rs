//! Processor time, peak memory, percentiles, and a place where values end without being stored.

use std::time::Duration;

/// Uses a value at no cost beyond having it in a register; the compiler takes all memory to be read and written here.
#[inline(always)]
pub fn sink<T>(pointer: *const T) {
    // SAFETY: no instruction.
    unsafe { core::arch::asm!("/* {0} */", in(reg) pointer, options(nostack, preserves_flags)) }
}

/// [`sink`] for a word.
#[inline(always)]
pub fn sink_word(word: u64) {
    sink(core::ptr::without_provenance::<u8>(word as usize));
}

/// Processor time that the process has used, all threads.
pub fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The most memory that the process had resident, in bytes.
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}

/// The page faults of the process that needed no input.
pub fn page_faults() -> u64 {
    let figures = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let faults = figures.rsplit_once(") ").and_then(|(_, figures)| figures.split(' ').nth(7)?.parse().ok());
    faults.unwrap_or(0)
}

/// Durations of the steps of a program, in order.
pub struct Steps {
    nanoseconds: Vec<u32>,
}

impl Steps {
    /// Room for `count` steps: recording one allocates nothing.
    pub fn with_capacity(count: usize) -> Self {
        let mut nanoseconds = vec![0; count];
        nanoseconds.clear();
        Self { nanoseconds }
    }

    /// Records a step.
    #[inline]
    pub fn push(&mut self, step: Duration) {
        self.nanoseconds.push(u32::try_from(step.as_nanos()).unwrap_or(u32::MAX));
    }

    /// Adds those of another thread.
    pub fn extend(&mut self, other: &Self) {
        self.nanoseconds.extend_from_slice(&other.nanoseconds);
    }

    /// p50, p99, p99.9 and the longest.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles::of(self.nanoseconds.iter().map(|&n| u64::from(n)).collect())
    }

    /// The same for requests that arrive by a schedule, a quarter slower than the mean step: who waits behind a long
    /// step is charged for it.
    pub fn metered(&self) -> Percentiles {
        let total: u64 = self.nanoseconds.iter().map(|&n| u64::from(n)).sum();
        let interval = total as f64 * 1.25 / self.nanoseconds.len().max(1) as f64;
        let mut free = 0.0;
        let latencies = self.nanoseconds.iter().enumerate().map(|(index, &step)| {
            let arrival = index as f64 * interval;
            free = f64::max(arrival, free) + f64::from(step);
            (free - arrival) as u64
        });
        Percentiles::of(latencies.collect())
    }
}

/// Of durations, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Percentiles {
    /// Half are shorter.
    pub p50: u64,
    /// 99 % are shorter.
    pub p99: u64,
    /// 99.9 % are shorter.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

impl Percentiles {
    /// Of unsorted durations.
    pub fn of(mut durations: Vec<u64>) -> Self {
        durations.sort_unstable();
        let at = |part: f64| match durations.len() {
            0 => 0,
            len => durations[((len as f64 * part) as usize).min(len - 1)],
        };
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }
}
