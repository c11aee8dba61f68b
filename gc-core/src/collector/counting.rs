//! Which major cycle counts objects by type, and for whom.
//!
//! - **[counting.first]** A request names the first cycle that serves it: the next one to begin. It
//!   is made under the lock of the old generation, under which cycles begin and marking ends. So
//!   that cycle, or a later one, finds the request when its marking ends.
//! - **[counting.given-back]** What was counted stays until the last request is withdrawn.

use crate::{old::tally::Tally, sync::Arc};

use super::major_cycle::Phase;

/// The requests for counts, and what is counted.
#[derive(Default)]
pub(crate) struct Counting {
    /// The first cycle that serves each request.
    requests: Vec<u64>,
    /// What the current cycle has counted.
    tally: Option<Box<Tally>>,
    /// Whether the sweep counts what is marked.
    sweeps: bool,
    /// What the last cycle that counted has counted, with its number.
    finished: Option<(u64, Arc<Tally>)>,
}

impl Counting {
    /// Requests a count by a cycle that begins after this call. `begun` is the number of the last
    /// one that has begun. Returns the number of the first one that serves the request.
    pub(crate) fn request(&mut self, begun: u64) -> u64 {
        self.requests.push(begun + 1);
        begun + 1
    }

    /// Withdraws a request.
    pub(crate) fn withdraw(&mut self, first: u64) {
        if let Some(at) = self.requests.iter().position(|&request| request == first) {
            self.requests.swap_remove(at);
        }
        if self.requests.is_empty() {
            *self = Self::default();
        }
    }

    /// Forgets all requests: the threads that made them are gone.
    pub(crate) fn forget_threads(&mut self) {
        *self = Self::default();
    }

    fn is_wanted(&self, cycle: u64) -> bool {
        self.requests.iter().any(|&first| first <= cycle)
    }

    /// Returns whether there is a request.
    #[inline]
    pub(crate) fn is_requested(&self) -> bool {
        !self.requests.is_empty()
    }

    /// Returns where a pause that promotes everything counts what was young, if it is to be
    /// counted: it may begin the next cycle, or belong to the one that marks.
    pub(crate) fn young(&mut self, phase: Phase, begun: u64) -> Option<&mut Tally> {
        match phase {
            // What an earlier pause has counted for this cycle, which it did not begin, is old or dead by now.
            Phase::Idle if self.is_wanted(begun + 1) => Some(self.tally.insert(Box::new(Tally::new()))),
            Phase::Marking if self.is_wanted(begun) => Some(self.tally.get_or_insert_with(|| Box::new(Tally::new()))),
            _ => None,
        }
    }

    /// Begins to count what is marked, if that is wanted of this cycle, whose marking has ended.
    pub(crate) fn begin_sweep(&mut self, cycle: u64) {
        self.sweeps = self.is_wanted(cycle);
        if self.sweeps {
            self.tally.get_or_insert_with(|| Box::new(Tally::new()));
        } else {
            self.tally = None;
        }
    }

    /// Returns where the sweep counts what is marked, if it does.
    #[inline]
    pub(crate) fn swept(&mut self) -> Option<&mut Tally> {
        if self.sweeps { self.tally.as_deref_mut() } else { None }
    }

    /// Ends a cycle, for which everything is swept.
    pub(crate) fn end(&mut self, cycle: u64) {
        if core::mem::take(&mut self.sweeps) {
            self.finished = self.tally.take().map(|tally| (cycle, Arc::new(*tally)));
        }
    }

    /// Returns what was counted by a cycle that serves a request.
    pub(crate) fn finished(&self, first: u64) -> Option<Arc<Tally>> {
        self.finished.as_ref().filter(|(cycle, _)| *cycle >= first).map(|(_, tally)| tally.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cycle that was under way when the request was made does not serve it.
    #[test]
    fn the_first_cycle_that_begins_afterwards_serves_a_request() {
        let mut counting = Counting::default();
        let first = counting.request(3);
        assert!(counting.young(Phase::Marking, 3).is_none());
        counting.begin_sweep(3);
        assert!(counting.swept().is_none());
        counting.end(3);
        assert!(counting.finished(first).is_none());
        assert!(counting.young(Phase::Idle, 3).is_some());
        assert!(counting.young(Phase::Marking, 4).is_some());
        let later = counting.request(4);
        counting.begin_sweep(4);
        assert!(counting.swept().is_some());
        counting.end(4);
        assert!(counting.finished(first).is_some() && counting.finished(later).is_none());
        counting.withdraw(first);
        assert!(counting.finished(first).is_some(), "another request is left");
        counting.withdraw(later);
        assert!(counting.finished(first).is_none() && counting.young(Phase::Idle, 9).is_none());
    }

    #[test]
    fn what_is_requested_twice_is_counted_until_both_are_withdrawn() {
        let mut counting = Counting::default();
        let (one, other) = (counting.request(0), counting.request(0));
        counting.withdraw(one);
        counting.begin_sweep(1);
        assert!(counting.swept().is_some());
        counting.withdraw(other);
        assert!(counting.swept().is_none());
    }
}
