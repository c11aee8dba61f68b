//! One pause, from the stopped world to its resumption.
//!
//! ```text
//!   young:   retire the buffers → copy from roots and remembered set → what died: drop lists, large runs → flip
//!   begin:   a young collection that promotes everything → snapshot: what the roots hold → barriers on
//!   finish:  a young collection that promotes everything → mark what is left → barriers off → every block waits to be swept
//! ```
//!
//! Marking begins and ends with nothing young and an empty remembered set, so the marker sees the old generation alone and
//! no remembered place can outlive what sweeping frees. What lies between and behind is in `marker`, the phases in `full`.

use core::time::Duration;
use std::time::Instant;

use crate::sync::atomic::Ordering;

use super::{
    event::{Event, Step},
    full::Phase,
    pending::Pending,
    report::{Cause, CollectReport, Generation},
    request::{Start, Wanted},
    shared::{Attached, Registry, Shared},
    verify::Moment,
    world::World,
};

/// Collects. The world is stopped; the caller leads.
pub(crate) fn collect(
    shared: &Shared,
    mutators: &[Attached],
    registry: &mut Registry,
    wanted: Wanted,
    cause: Cause,
    start: Start,
) -> (CollectReport, Pending, Event) {
    let (generation, wanted, cause) = choose(shared, wanted, cause);
    let mut pending = Pending::default();
    registry.forget_tables(&mut pending);
    let mut world = World::stopped(shared, mutators, &registry.tables, pending);
    let before = world.bytes();
    let allocated = world.fresh_bytes();
    let before_remembered = world.young.remembered.len();
    world.verify(Moment::Before);
    let evacuated = world.young(generation);
    world.verify(if generation == Generation::Fresh { Moment::After } else { Moment::AfterPromotion });
    let after = world.bytes();
    // The old part only grows in a young collection, so this is what died young.
    let freed = before.saturating_sub(after);
    let step = world.full(wanted, cause, before, start.at);
    let remembered = world.young.remembered.len();
    shared.count_stop(mutators);
    registry.numbers.stopped();
    // Relaxed, all four: figures of the leader.
    shared.pace.fresh_bytes.store(0, Ordering::Relaxed);
    shared.pace.fresh_external.store(0, Ordering::Relaxed);
    shared.pace.limit_told.store(false, Ordering::Relaxed);
    shared.pace.much_remembered.store(false, Ordering::Relaxed);
    let old_bytes = Shared::old_bytes(&world.old.space, &world.large);
    let all_swept = world.all_swept;
    let pending = world.finish();
    if let Some((then, bytes)) = registry.resumed.replace((Instant::now(), old_bytes)) {
        shared.pace.count_promoted(old_bytes.saturating_sub(bytes), then.elapsed());
    }
    let pause = start.at.elapsed();
    let survived = evacuated.copied + evacuated.promoted;
    if cause == Cause::Nursery || cause == Cause::Growth {
        shared.pace.fit_nursery(survived, before_remembered);
    }
    // What survived a while ago counts less and less. Relaxed, both: the leader's figure.
    let expected = shared.pace.survivors.load(Ordering::Relaxed) / 4 * 3;
    shared.pace.survivors.store(expected.max(survived), Ordering::Relaxed);
    shared.helpers.want(shared, survived);
    if step != Step::Whole {
        shared.full.count(|current| {
            current.pause += pause;
            current.freed += freed;
        });
    }

    let mut stats = shared.stats.lock();
    if step == Step::Whole {
        stats.collections[generation as usize] += 1;
    }
    stats.pause_total += pause;
    stats.pause_max = pause.max(stats.pause_max);
    stats.bytes_allocated += allocated as u64;
    stats.bytes_copied += evacuated.copied as u64;
    stats.bytes_promoted += evacuated.promoted as u64;
    stats.bytes_by_helpers += evacuated.helped as u64;
    stats.objects_promoted += evacuated.promoted_objects as u64;
    stats.bytes_freed += freed as u64;
    drop(stats);
    let mut times = shared.times.lock();
    times.pauses.add(pause);
    times.utilisation.add(start.at, start.at + pause);
    drop(times);
    if all_swept {
        shared.end_full(shared.full.begun());
    }
    let event = Event::Collection {
        generation: generation as u8,
        cause,
        step,
        pause,
        before,
        after,
        time_to_safepoint: start.stopped,
        last: start.last,
        copied: evacuated.copied,
        promoted: evacuated.promoted,
        remembered,
        snapshot: 0,
        beside: Duration::ZERO,
        assist: Duration::ZERO,
    };
    let report = CollectReport {
        generation,
        bytes_before: before,
        bytes_freed: freed,
        old_objects_freed: 0,
        pause,
        marking: Duration::ZERO,
        sweeping: Duration::ZERO,
    };
    (report, pending, event)
}

/// What is really done: a young collection becomes one that promotes everything when its turn has come, and one that begins a full
/// collection when the old generation has grown enough.
fn choose(shared: &Shared, wanted: Wanted, cause: Cause) -> (Generation, Wanted, Cause) {
    let pace = &shared.pace;
    let Wanted::Young(asked) = wanted else { return (Generation::Young, wanted, cause) };
    if shared.full.phase() == Phase::Marking && pace.is_far_over_goal() {
        return (Generation::Young, Wanted::Finish { budget: u64::MAX }, Cause::Growth);
    }
    if shared.full.phase() == Phase::Idle {
        let stress = &shared.config.stress;
        if stress.full_every != 0 && (pace.stops() + 1).is_multiple_of(stress.full_every.into()) {
            return (Generation::Young, Wanted::Begin, cause);
        }
        if cause != Cause::Explicit && pace.is_auto() && shared.wants_full() {
            return (Generation::Young, Wanted::Begin, Cause::Growth);
        }
    }
    let every = pace.thresholds().promote_all_every;
    let turn = every != 0 && pace.young_collections.load(Ordering::Relaxed) + 1 >= every;
    let generation = if asked == Generation::Fresh && !turn { Generation::Fresh } else { Generation::Young };
    (generation, wanted, cause)
}

impl Shared {
    /// A new stop: locks of cells that were taken before it are free, and whether cells need atomic operations is decided anew.
    /// The world is stopped; the caller leads.
    pub(crate) fn count_stop(&self, mutators: &[Attached]) {
        let stop = self.pace.count_stop();
        // The marker reads cells, too.
        let exclusive = mutators.len() == 1 && self.full.phase() != Phase::Marking;
        for attached in mutators {
            let local = attached.local();
            local.cell_user.set(local.cell_user.get().after(stop, exclusive));
        }
    }
}
