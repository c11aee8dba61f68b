//! Where statistics are written, all of them: by pauses, and by whoever ends a full collection.
//!
//! The locks are leaves: no other is taken, and no code of the program runs, while one is held.

use core::time::Duration;

use super::{counters::Stats, event::Step, figures::PauseFigures, histogram::Histogram, mmu::Mmu, report::Generation};
use crate::sync::Mutex;

/// The statistics of one heap.
#[derive(Default)]
pub(crate) struct Recorder {
    stats: Mutex<Stats>,
    times: Mutex<Times>,
}

/// How long things took.
#[derive(Default)]
struct Times {
    pauses: Histogram,
    utilisation: Mmu,
    /// From a request to the moment the world stands, where somebody had to be waited for.
    to_safepoint: Histogram,
    /// The thread that the longest of these waited for.
    slowest: Option<String>,
}

/// What lives, as a pause leaves it.
pub(crate) struct Living {
    /// Bytes of cells and runs, and how many objects, dead ones not yet found to be included.
    pub(crate) old_bytes: usize,
    pub(crate) old_objects: usize,
    pub(crate) survivor_bytes: usize,
    /// Entries of the remembered set.
    pub(crate) remembered: usize,
}

impl Recorder {
    /// A stop took so long, and waited for this thread last.
    pub(crate) fn stop(&self, time: Duration, last: &str) {
        let mut times = self.times.lock();
        if time > times.to_safepoint.max() {
            times.slowest = Some(last.to_owned());
        }
        times.to_safepoint.add(time);
    }

    /// What a pause leaves. The spaces are locked: what a sweep changes next is written next.
    pub(crate) fn living(&self, living: &Living) {
        let mut stats = self.stats.lock();
        stats.old_bytes = living.old_bytes;
        stats.old_objects = living.old_objects;
        stats.survivor_bytes = living.survivor_bytes;
        stats.remembered = living.remembered;
    }

    /// A pause is over, but for the resumption.
    pub(crate) fn pause(&self, figures: &PauseFigures) {
        let mut stats = self.stats.lock();
        if figures.step == Step::Whole {
            stats.collections[figures.generation as usize] += 1;
        }
        stats.pause_total += figures.pause;
        stats.pause_max = figures.pause.max(stats.pause_max);
        stats.bytes_allocated += figures.allocated as u64;
        stats.bytes_copied += figures.copied as u64;
        stats.bytes_promoted += figures.promoted as u64;
        stats.bytes_by_helpers += figures.helped as u64;
        stats.objects_promoted += figures.promoted_objects as u64;
        stats.bytes_freed += figures.freed() as u64;
        drop(stats);
        let mut times = self.times.lock();
        times.pauses.add(figures.pause);
        times.utilisation.add(figures.start, figures.start + figures.pause);
    }

    /// A full collection has ended: what is old now, and what its sweep freed. The spaces are locked.
    pub(crate) fn full(&self, old_bytes: usize, old_objects: usize, freed_bytes: usize, freed_objects: usize) {
        let mut stats = self.stats.lock();
        (stats.old_bytes, stats.old_objects) = (old_bytes, old_objects);
        stats.collections[Generation::Old as usize] += 1;
        stats.bytes_freed += freed_bytes as u64;
        stats.objects_freed += freed_objects as u64;
    }

    /// The counters that are written here.
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
