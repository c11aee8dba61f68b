//! One pause, from the stopped world to its resumption.
//!
//! ```text
//!   young:   retire the buffers → copy from roots and remembered set → what died: drop lists, large runs → flip
//!   begin:   a young collection that promotes everything → snapshot: what the roots hold → barriers on
//!   finish:  a young collection that promotes everything → mark what is left → barriers off → every block waits to be swept
//! ```
//!
//! Marking begins and ends with nothing young and an empty remembered set, so the marker sees the old generation alone and
//! no remembered place can outlive what sweeping frees. What lies between and behind is in `concurrent`, the phases in `major_cycle`.

use core::time::Duration;
use std::time::Instant;

use crate::stats::{
    event::{Event, Step},
    report::{Cause, CollectReport, Generation},
};

use super::{
    collector::Shared,
    drops::Pending,
    generations::old_bytes,
    jobs::Job,
    policy::{Wanted, choose},
    registry::{Attached, Registry},
    stop::Start,
    stopped_heap::StoppedHeap,
    verify::Moment,
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
    let mut world = StoppedHeap::stopped(shared, mutators, &registry.tables, pending, matches!(wanted, Wanted::Begin));
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
    shared.pace.begin_nursery();
    let old_bytes = old_bytes(&world.old.space, &world.large);
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
    shared.pace.count_survivors(survived);
    if shared.helpers.want(&shared.config, survived) {
        shared.background.post(Job::Hire);
    }
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
