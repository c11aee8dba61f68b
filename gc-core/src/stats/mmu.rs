//! Minimum mutator utilisation (MMU): the smallest fraction of any window of time that was left to
//! the program (Cheng, Blelloch: *A parallel, real-time garbage collector*, 2001).
//!
//! A worst window can be moved until it ends at the end of a pause, and its utilisation does not
//! rise. So each pause looks at one window of each length. A queue holds the pauses in that window,
//! which makes the amortised cost of a pause constant.

use core::time::Duration;
use std::{collections::VecDeque, time::Instant};

/// The windows of one length.
struct Window {
    length: Duration,
    /// The pauses that overlap the window which ends with the last pause.
    pauses: VecDeque<(Instant, Instant)>,
    /// The sum of their durations.
    paused: Duration,
    least: f64,
}

/// The MMU for windows of 1, 10 and 100 ms.
pub(crate) struct Mmu([Window; 3]);

impl Default for Mmu {
    fn default() -> Self {
        Self([1, 10, 100].map(|millis| Window {
            length: Duration::from_millis(millis),
            pauses: VecDeque::new(),
            paused: Duration::ZERO,
            least: 1.0,
        }))
    }
}

impl Mmu {
    /// Counts a pause. Pauses come in order.
    pub(crate) fn add(&mut self, start: Instant, end: Instant) {
        for window in &mut self.0 {
            window.add(start, end);
        }
    }

    /// Returns the MMU for each length of window.
    pub(crate) fn least(&self) -> [(Duration, f64); 3] {
        self.0.each_ref().map(|window| (window.length, window.least))
    }
}

impl Window {
    fn add(&mut self, start: Instant, end: Instant) {
        self.pauses.push_back((start, end));
        self.paused += end - start;
        let from = end.checked_sub(self.length).unwrap_or(start);
        while let Some(&(first, last)) = self.pauses.front()
            && last <= from
        {
            self.pauses.pop_front();
            self.paused -= last - first;
        }
        let before = self.pauses.front().map_or(Duration::ZERO, |&(first, _)| from.saturating_duration_since(first));
        let paused = self.paused.saturating_sub(before).as_secs_f64() / self.length.as_secs_f64();
        self.least = self.least.min(1.0 - paused.min(1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_window_is_found() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let mut utilisation = Mmu::default();
        for (from, to) in [(1000, 1001), (1005, 1007), (1009, 1010), (1200, 1204)] {
            utilisation.add(at(from), at(to));
        }
        let [(_, one), (_, ten), (_, hundred)] = utilisation.least();
        assert!(one.abs() < 1e-9, "{one}");
        assert!((ten - 0.6).abs() < 1e-9, "{ten}");
        assert!((hundred - 0.96).abs() < 1e-9, "{hundred}");
    }
}
