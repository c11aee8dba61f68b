//! The one place where statistics are written: by the leader of each pause, and by the thread that
//! ends a major cycle.
//!
//! The locks are leaves: while a thread holds one, it takes no other lock and runs no code of the
//! program.

use core::time::Duration;

use super::{counters::Stats, event::Step, figures::PauseFigures, histogram::Histogram, mmu::Mmu, report::Collect};
use crate::sync::{Mutex, RawLock, raw};

/// The statistics of one heap.
#[derive(Default)]
pub(crate) struct Recorder {
    stats: Mutex<Stats>,
    times: Mutex<Times>,
}

/// How long pauses took, and how long it took to stop the world.
#[derive(Default)]
struct Times {
    pauses: Histogram,
    utilisation: Mmu,
    /// From the start of a stop to the stopped world. Only stops that had to wait for a thread
    /// count.
    to_safepoint: Histogram,
    /// The thread that the longest of these stops waited for.
    slowest: Option<String>,
}

/// The size of what survives, at the end of a pause.
pub(crate) struct Living {
    /// Bytes of cells and runs, and the number of objects, including dead ones that the collector
    /// has not found yet.
    pub(crate) old_bytes: usize,
    pub(crate) old_objects: usize,
    pub(crate) survivor_bytes: usize,
    /// Entries of the remembered set.
    pub(crate) remembered: usize,
    /// Keys for which ephemerons wait.
    pub(crate) keys_waited_for: usize,
}

impl Recorder {
    pub(crate) fn lock_words(&self) -> [&RawLock; 2] {
        [raw(&self.stats), raw(&self.times)]
    }

    /// Records how long a stop took, and the thread that it waited for last.
    pub(crate) fn record_time_to_safepoint(&self, time: Duration, last: &str) {
        let mut times = self.times.lock();
        if time > times.to_safepoint.max() {
            times.slowest = Some(last.to_owned());
        }
        times.to_safepoint.add(time);
    }

    /// Records the sizes at the end of a pause. The caller holds the locks of the spaces, so that a
    /// later sweep also writes later.
    pub(crate) fn record_living(&self, living: &Living) {
        let mut stats = self.stats.lock();
        stats.old_bytes = living.old_bytes;
        stats.old_objects = living.old_objects;
        stats.survivor_bytes = living.survivor_bytes;
        stats.remembered = living.remembered;
        stats.keys_waited_for = living.keys_waited_for;
    }

    /// Records a pause that is complete, except that the mutators have not resumed.
    pub(crate) fn record_pause(&self, figures: &PauseFigures) {
        let mut stats = self.stats.lock();
        if figures.step == Step::Whole {
            stats.collections.add(figures.collected);
        }
        stats.pause_total += figures.pause;
        stats.pause_max = figures.pause.max(stats.pause_max);
        stats.bytes_allocated += figures.allocated as u64;
        stats.bytes_copied += figures.copied as u64;
        stats.bytes_promoted += figures.promoted as u64;
        stats.bytes_by_helpers += figures.by_gc_workers as u64;
        stats.objects_promoted += figures.promoted_objects as u64;
        stats.bytes_freed += figures.freed() as u64;
        drop(stats);
        let mut times = self.times.lock();
        times.pauses.add(figures.pause);
        times.utilisation.add(figures.start, figures.start + figures.pause);
    }

    /// Records how often the pair of an ephemeron was looked at, and how many were cleared.
    pub(crate) fn record_ephemerons(&self, looks: u64, cleared: u64) {
        if looks + cleared > 0 {
            let mut stats = self.stats.lock();
            stats.ephemeron_looks += looks;
            stats.ephemerons_cleared += cleared;
        }
    }

    /// Records a compaction: objects and bytes of cells that were moved, and blocks that are empty
    /// now.
    pub(crate) fn record_compaction(&self, objects: usize, bytes: usize, blocks: usize, all_at_once: bool) {
        let mut stats = self.stats.lock();
        stats.compactions += u64::from(all_at_once);
        stats.objects_moved += objects as u64;
        stats.bytes_moved += bytes as u64;
        stats.blocks_emptied += blocks as u64;
    }

    /// Records the end of a major cycle: the size of the old generation, and what the sweep freed.
    /// The caller holds the locks of the spaces.
    pub(crate) fn record_major_cycle(
        &self,
        old_bytes: usize,
        old_objects: usize,
        freed_bytes: usize,
        freed_objects: usize,
    ) {
        let mut stats = self.stats.lock();
        (stats.old_bytes, stats.old_objects) = (old_bytes, old_objects);
        stats.collections.add(Collect::Full);
        stats.bytes_freed += freed_bytes as u64;
        stats.objects_freed += freed_objects as u64;
    }

    /// Returns the counters that are written here.
    pub(crate) fn stats(&self) -> Stats {
        *self.stats.lock()
    }

    pub(crate) fn pauses(&self) -> Histogram {
        self.times.lock().pauses.clone()
    }

    pub(crate) fn minimum_utilisation(&self) -> [(Duration, f64); 3] {
        self.times.lock().utilisation.least()
    }

    pub(crate) fn times_to_safepoint(&self) -> Histogram {
        self.times.lock().to_safepoint.clone()
    }

    pub(crate) fn slowest_to_safepoint(&self) -> Option<String> {
        self.times.lock().slowest.clone()
    }
}
