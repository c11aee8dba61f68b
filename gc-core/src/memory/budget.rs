//! How much memory a heap may take from the system, and how much it has taken.
//!
//! The budget counts what the system may have to back: committed chunks, blocks that were not
//! released, runs in use or not yet released, and values in the drop queue. It also counts the
//! external memory that the program reports for objects. It does not count tables and lists as it
//! goes: each pause measures them, and they count from then on.

use crate::sync::atomic::{AtomicUsize, Ordering};

/// Bytes taken, against the hard limit.
pub(crate) struct Budget {
    limit: AtomicUsize,
    used: AtomicUsize,
    /// External bytes: memory outside of the heap that the program reports for objects.
    external: AtomicUsize,
    /// Bytes of tables and lists.
    side: AtomicUsize,
    peak: AtomicUsize,
}

/// The least bytes that are kept for the growth of tables and lists, once there are some.
const SLACK: usize = 32 << 10;

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: AtomicUsize::new(limit),
            used: AtomicUsize::new(0),
            external: AtomicUsize::new(0),
            side: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        }
    }

    /// Counts `bytes` more, unless that passes the limit. Returns whether they were counted.
    pub(crate) fn charge(&self, bytes: usize) -> bool {
        let limit =
            self.limit().saturating_sub(self.external()).saturating_sub(self.side()).saturating_sub(self.slack());
        // Relaxed, all of this file: counters that guard no other memory.
        let charged = self.used.try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|&used| used <= limit)
        });
        if charged.is_ok() {
            self.peak.fetch_max(self.used(), Ordering::Relaxed);
        }
        charged.is_ok()
    }

    /// Counts `bytes` more, even above the limit: for memory that a pause had to have.
    pub(crate) fn charge_always(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.used.fetch_add(bytes, Ordering::Relaxed);
        self.peak.fetch_max(self.used(), Ordering::Relaxed);
    }

    /// Returns whether the use is more than a quarter above the limit, by `charge_always` or by
    /// external memory. Then even allocations that need no new memory are refused.
    pub(crate) fn is_far_over(&self) -> bool {
        let limit = self.limit();
        self.used() > limit.saturating_add(limit / 4)
    }

    /// Counts `bytes` less.
    pub(crate) fn discharge(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes);
    }

    /// Counts `bytes` more of external memory. Returns whether they were counted: a program may
    /// report any number.
    pub(crate) fn charge_external(&self, bytes: usize) -> bool {
        let charged =
            self.external.try_update(Ordering::Relaxed, Ordering::Relaxed, |external| external.checked_add(bytes));
        if charged.is_ok() {
            self.peak.fetch_max(self.used(), Ordering::Relaxed);
        }
        charged.is_ok()
    }

    /// Counts `bytes` less of external memory.
    pub(crate) fn discharge_external(&self, bytes: usize) {
        self.external.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Sets the bytes of tables and lists, which no limit refuses. They take room from what is
    /// charged later.
    pub(crate) fn set_side(&self, bytes: usize) {
        self.side.store(bytes, Ordering::Relaxed);
        // What passes the limit has not been granted by it.
        self.peak.fetch_max(self.used().min(self.limit()), Ordering::Relaxed);
    }

    /// Returns the bytes that are kept for the growth of tables and lists up to the next pause.
    pub(crate) fn slack(&self) -> usize {
        let side = self.side();
        if side > 0 { side / 8 + SLACK } else { 0 }
    }

    pub(crate) fn side(&self) -> usize {
        self.side.load(Ordering::Relaxed)
    }

    pub(crate) fn external(&self) -> usize {
        self.external.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed).saturating_add(self.external()).saturating_add(self.side())
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_up_to_the_limit_and_remembers_the_peak() {
        let budget = Budget::new(100);
        assert!(budget.charge(60) && !budget.charge(41) && budget.charge(40));
        budget.discharge(70);
        assert_eq!((budget.used(), budget.peak()), (30, 100));
        assert!(!budget.charge(usize::MAX));
    }
}
