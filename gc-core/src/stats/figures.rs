//! The figures of one pause, and the report and the event made from them.

use core::time::Duration;
use std::{thread, time::Instant};

use super::{
    event::{Event, Step},
    report::{Cause, Collect, CollectReport},
};

/// What one pause was asked for, how long it took, and what it did.
pub(crate) struct PauseFigures {
    pub(crate) collected: Collect,
    pub(crate) cause: Cause,
    pub(crate) step: Step,
    /// The number of the major cycle that it is a step of.
    pub(crate) cycle: Option<u64>,
    /// When the leader began to stop the world.
    pub(crate) start: Instant,
    /// How long the pause took from there.
    pub(crate) pause: Duration,
    /// How long it took to stop the world, and the thread that the leader waited for last.
    pub(crate) time_to_safepoint: Duration,
    pub(crate) last: Option<String>,
    /// Bytes of objects before and after its minor collection.
    pub(crate) before: usize,
    pub(crate) after: usize,
    /// What of these was in the old generation.
    pub(crate) old_before: usize,
    pub(crate) old_after: usize,
    /// Bytes allocated since the last pause.
    pub(crate) allocated: usize,
    /// Bytes of objects that stayed young.
    pub(crate) copied: usize,
    /// Bytes and number of objects that were promoted.
    pub(crate) promoted: usize,
    pub(crate) promoted_objects: usize,
    /// Bytes, of `copied` and `promoted`, that GC workers copied.
    pub(crate) by_gc_workers: usize,
    /// Entries of the remembered set afterwards.
    pub(crate) remembered: usize,
    /// Keys for which ephemerons wait, registered objects, and what waits in queues, afterwards.
    pub(crate) waiting: usize,
    pub(crate) registered: usize,
    pub(crate) queued: usize,
}

impl PauseFigures {
    /// Returns the bytes that died young: the old generation only grows in a minor collection.
    pub(crate) fn freed(&self) -> usize {
        self.before.saturating_sub(self.after)
    }

    /// Returns the report for the thread that requested the collection.
    pub(crate) fn report(&self) -> CollectReport {
        CollectReport {
            collected: self.collected,
            bytes_before: self.before,
            bytes_freed: self.freed(),
            old_objects_freed: 0,
            pause: self.pause,
            marking: Duration::ZERO,
            sweeping: Duration::ZERO,
        }
    }

    /// Returns the event for the hook. The caller is the thread that led the pause.
    pub(crate) fn event(self) -> Event {
        Event::Pause {
            collected: self.collected,
            cause: self.cause,
            step: self.step,
            cycle: self.cycle,
            start: self.start,
            led_by: thread::current(),
            pause: self.pause,
            before: self.before,
            after: self.after,
            old_before: self.old_before,
            old_after: self.old_after,
            time_to_safepoint: self.time_to_safepoint,
            last: self.last,
            copied: self.copied,
            promoted: self.promoted,
            remembered: self.remembered,
            waiting: self.waiting,
            registered: self.registered,
            queued: self.queued,
        }
    }
}
