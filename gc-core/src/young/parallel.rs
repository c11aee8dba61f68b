//! Evacuation by several workers.
//!
//! The leader begins alone and without atomic operations. A pause that has copied some hundred KiB
//! and still has work is expected to go on for about as long again, which is worth waking other
//! workers. From there on several workers copy at the same time. So small pauses, which are most,
//! wait for no other thread and have no cost for parallelism. If the last collection copied much,
//! this one is expected to do so too, and its parallel threshold is lower.

use core::ptr::NonNull;

use crate::{
    barrier::Remembered,
    sync::Mutex,
    workers::{Packet, WorkerPool},
};

use super::{
    evacuate::{Evacuation, Evacuator, Promote},
    survivors::Survivors,
};

/// The result of a minor collection.
#[derive(Default)]
pub(crate) struct Evacuated {
    pub(crate) remembered: Remembered,
    /// Bytes that stayed young.
    pub(crate) copied: usize,
    /// Bytes that became old.
    pub(crate) promoted: usize,
    pub(crate) promoted_objects: usize,
    /// Pointer slots that were looked at.
    pub(crate) pointers: usize,
    /// Bytes that GC workers copied or promoted.
    pub(crate) by_gc_workers: usize,
    /// How often an ephemeron was looked at, and how many were cleared.
    pub(crate) ephemeron_looks: u64,
    pub(crate) ephemerons_cleared: u64,
    /// The pairs of weak tables among them, where they are now ([pair.watched]).
    pub(crate) cleared_entries: Vec<NonNull<u8>>,
}

/// Evacuators that no GC worker uses at the moment.
struct Spare<'a, P>(Mutex<Vec<Evacuator<'a, P, true>>>);

// SAFETY: what an evacuator points to is valid throughout the pause and made for several workers; one worker at a time uses an
// evacuator.
unsafe impl<P> Sync for Spare<'_, P> {}

/// Copies everything that is reachable from what `leader` was given, with one GC worker for each of
/// `gc_workers` where that is worth it. Then calls `afterwards`, which may evacuate more
/// ([pairs.rounds]). Also returns what each worker promoted.
pub(crate) fn evacuate_reachable<'a, P: Promote>(
    mut leader: Evacuator<'a, P, false>,
    evacuation: &'a Evacuation<'a>,
    pool: &WorkerPool,
    gc_workers: Vec<P>,
    afterwards: impl FnOnce(&mut dyn Survivors),
) -> (Evacuated, Vec<P>) {
    let mut all = Evacuated::default();
    leader.begin();
    leader.drain();
    if leader.work.is_empty() {
        leader.finish(afterwards);
        let first = all.add(leader);
        return (all, core::iter::once(first).chain(gc_workers).collect());
    }
    let mut leader = leader.shared();
    let most = gc_workers.len();
    let spare = Spare(Mutex::new(gc_workers.into_iter().map(|promote| Evacuator::new(evacuation, promote)).collect()));
    let spare = &spare;
    let task = |packet: Packet| {
        // At most as many workers are busy as there are evacuators.
        let mut gc_worker = spare.0.lock().pop().expect("gc-core: an evacuator for each gc_worker");
        gc_worker.work = packet;
        gc_worker.drain();
        spare.0.lock().push(gc_worker);
    };
    pool.lead(most, &task, |packet| {
        if let Some(packet) = packet {
            leader.work = packet;
        }
        leader.drain();
    });
    let mut gc_workers = core::mem::take(&mut *spare.0.lock());
    for gc_worker in &mut gc_workers {
        leader.pairs.take_over(&mut gc_worker.pairs);
    }
    leader.finish(afterwards);
    let mut promoted = vec![all.add(leader)];
    let leaders = all.copied + all.promoted;
    for gc_worker in gc_workers {
        promoted.push(all.add(gc_worker));
    }
    all.by_gc_workers = all.copied + all.promoted - leaders;
    (all, promoted)
}

impl Evacuated {
    /// Adds the results of another minor collection of the same pause.
    pub(crate) fn add_minor(&mut self, other: Self) {
        self.copied += other.copied;
        self.promoted += other.promoted;
        self.promoted_objects += other.promoted_objects;
        self.pointers += other.pointers;
        self.by_gc_workers += other.by_gc_workers;
        self.ephemeron_looks += other.ephemeron_looks;
        self.ephemerons_cleared += other.ephemerons_cleared;
        self.cleared_entries.extend(other.cleared_entries);
    }

    /// Adds the results of a worker. Returns what it promoted.
    fn add<P: Promote, const SHARED: bool>(&mut self, mut worker: Evacuator<'_, P, SHARED>) -> P {
        worker.retire();
        self.remembered.append(worker.remembered);
        self.copied += worker.copied_bytes;
        self.promoted += worker.promoted_bytes;
        self.promoted_objects += worker.promoted_objects;
        self.pointers += worker.pointers;
        self.ephemeron_looks += worker.pairs.looks;
        self.ephemerons_cleared += worker.pairs.cleared;
        self.cleared_entries.append(&mut worker.pairs.watched);
        worker.promote
    }
}
