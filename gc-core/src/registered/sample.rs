//! The sample of an object: where it was allocated, and for how much it counts.
//!
//! - **[sample.once]** A sample counts as live from the moment it is made until it is dropped,
//!   which is when the entry of its object goes: so when the object is dead, or when the session
//!   has ended. What it counts for does not change meanwhile.

use core::panic::Location;
use std::sync::Arc;

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Objects in the unit of weights: 256 stand for one. So a weight of less than two is right to some
/// tenths of a percent.
pub(crate) const ONE: u64 = 256;

/// What the samples of a session count for together. A leaf: no lock.
pub(crate) struct Totals {
    /// The bytes that are live, and the most that were.
    current: AtomicU64,
    peak: AtomicU64,
    /// How many samples there are.
    samples: AtomicU64,
    has_ended: AtomicBool,
}

impl Totals {
    pub(crate) fn new() -> Self {
        Self {
            current: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            samples: AtomicU64::new(0),
            has_ended: AtomicBool::new(false),
        }
    }

    /// Returns the bytes that are live, and the most that were.
    pub(crate) fn traced(&self) -> (u64, u64) {
        // Relaxed, as all here: figures of their own.
        let current = self.current.load(Ordering::Relaxed);
        (current, self.peak.load(Ordering::Relaxed).max(current))
    }

    pub(crate) fn reset_peak(&self) {
        self.peak.store(self.current.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Returns how many samples there are.
    pub(crate) fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    /// Ends the session: its samples are of no more use. The locks of the table's shards order what
    /// looks at that ([sites.forgotten]).
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }
}

/// A site: a place in the source, a type and a backtrace, and what was allocated there.
pub(crate) struct Record {
    pub(crate) totals: Arc<Totals>,
    /// `None` for all sites that found no room.
    pub(crate) place: Option<&'static Location<'static>>,
    pub(crate) type_name: &'static str,
    /// The return addresses of the backtrace, the innermost first.
    pub(crate) frames: Box<[usize]>,
    /// Objects in the unit of weights.
    objects: AtomicU64,
    bytes: AtomicU64,
    /// Of these, what is counted here only: there was no room for its samples.
    lost_objects: AtomicU64,
    lost_bytes: AtomicU64,
}

/// Objects in the unit of weights, and bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weighed {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

impl Record {
    pub(crate) fn new(
        totals: Arc<Totals>,
        place: Option<&'static Location<'static>>,
        type_name: &'static str,
        frames: Box<[usize]>,
    ) -> Self {
        let [objects, bytes, lost_objects, lost_bytes] = core::array::from_fn(|_| AtomicU64::new(0));
        Self { totals, place, type_name, frames, objects, bytes, lost_objects, lost_bytes }
    }

    /// Counts an object that was allocated. Returns its sample, unless there are `most` already.
    pub(crate) fn sample(self: &Arc<Self>, weighed: Weighed, most: usize) -> Option<Sample> {
        // Relaxed: figures of their own.
        self.objects.fetch_add(weighed.objects, Ordering::Relaxed);
        self.bytes.fetch_add(weighed.bytes, Ordering::Relaxed);
        let Totals { current, peak, samples, .. } = &*self.totals;
        if samples.fetch_add(1, Ordering::Relaxed) >= most as u64 {
            samples.fetch_sub(1, Ordering::Relaxed);
            self.lost_objects.fetch_add(weighed.objects, Ordering::Relaxed);
            self.lost_bytes.fetch_add(weighed.bytes, Ordering::Relaxed);
            return None;
        }
        let now = current.fetch_add(weighed.bytes, Ordering::Relaxed) + weighed.bytes;
        peak.fetch_max(now, Ordering::Relaxed);
        Some(Sample { record: self.clone(), weighed })
    }

    /// Returns what was allocated here, and what of it is not followed any more, though it may be
    /// live.
    pub(crate) fn allocated(&self) -> (Weighed, Weighed) {
        let read = |objects: &AtomicU64, bytes: &AtomicU64| Weighed {
            objects: objects.load(Ordering::Relaxed),
            bytes: bytes.load(Ordering::Relaxed),
        };
        (read(&self.objects, &self.bytes), read(&self.lost_objects, &self.lost_bytes))
    }

    /// Returns the bytes of memory.
    pub(crate) fn side_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.frames)
    }
}

/// The sample of an object that lives ([sample.once]).
pub(crate) struct Sample {
    record: Arc<Record>,
    weighed: Weighed,
}

impl Sample {
    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    pub(crate) fn weighed(&self) -> Weighed {
        self.weighed
    }

    /// Returns whether its session has ended, so that it is of no more use.
    pub(crate) fn has_ended(&self) -> bool {
        self.record.totals.has_ended()
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let Totals { current, samples, .. } = &*self.record.totals;
        // Relaxed: as above.
        current.fetch_sub(self.weighed.bytes, Ordering::Relaxed);
        samples.fetch_sub(1, Ordering::Relaxed);
    }
}
