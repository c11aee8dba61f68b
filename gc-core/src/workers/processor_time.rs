//! The processor time of a thread: what it costs, however many threads the system runs beside it.

use core::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The processor time that the thread which took this had used then.
#[derive(Clone, Copy)]
pub(crate) struct ProcessorTime(Duration);

impl ProcessorTime {
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Self(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }

    /// Returns what this thread, which took it, has used since.
    pub(crate) fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Instant};

    use super::*;

    #[test]
    fn a_thread_that_sleeps_uses_none_and_one_that_works_does() {
        let (used, start) = (ProcessorTime::now(), Instant::now());
        thread::sleep(Duration::from_millis(200));
        assert!(used.elapsed() < start.elapsed() / 2, "{:?} asleep", used.elapsed());
        while used.elapsed() < Duration::from_millis(20) {
            assert!(start.elapsed() < Duration::from_secs(120), "{:?} at work", used.elapsed());
        }
    }
}
