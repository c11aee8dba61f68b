//! What happens in one pause. `request::lead` stops the world before it, and resumes the mutators
//! after it.
//!
//! ```text
//!   always:  take over what the mutators have in hand (`stopped_heap`)
//!   young:   copy from roots and remembered set → dead objects: drop lists, large runs → flip
//!   begin:   a minor collection that promotes everything → snapshot: what the roots hold → barriers on
//!   finish:  a minor collection that promotes everything → mark what is left → barriers off → every block waits to be swept
//! ```
//!
//! Marking begins and ends with nothing young and an empty remembered set. So the concurrent thread
//! sees only the old generation, and no remembered pointer slot outlives an object that the sweep
//! frees. The work between the pauses is in `concurrent`, the phases are in `major_cycle`.

use std::time::Instant;

use crate::stats::{
    event::Step,
    figures::PauseFigures,
    report::{Cause, Collect},
};

use super::{
    burst,
    collector::Collector,
    drops::DropQueue,
    generations::old_bytes,
    jobs::Job,
    major,
    policy::{Request, choose},
    registry::{Attached, Registry},
    stop::{self, Start},
    stopped_heap::StoppedHeap,
    verify::Checkpoint,
};

/// Collects. The world is stopped, and the caller is the leader. Returns the figures of the pause,
/// and the dead values that it found. `look` sees the heap at the end.
pub(crate) fn collect(
    collector: &Collector,
    mutators: &[Attached],
    registry: &mut Registry,
    wanted: Request,
    cause: Cause,
    start: Start,
    look: Option<&mut dyn FnMut(&StoppedHeap<'_>)>,
) -> (PauseFigures, DropQueue) {
    let (collected, wanted, cause) = choose(collector, wanted, cause);
    let mut heap = StoppedHeap::lock(collector, mutators, registry.mutators.dormant(), DropQueue::default());
    let before = heap.bytes();
    let old_before = old_bytes(&heap.old.space, &heap.large);
    let allocated = heap.fresh_bytes();
    heap.verify(Checkpoint::Before);
    collector.headroom.count_allocated(allocated);
    if heap.young.near && heap.young.census.counted() > 0 {
        heap.old.mix = heap.young.census.clone();
    }
    let (mut evacuated, found) = heap.minor(collected);
    heap.verify(if collected == Collect::Young { Checkpoint::After } else { Checkpoint::AfterPromotion });
    let after = heap.bytes();
    let old_after = old_bytes(&heap.old.space, &heap.large);
    let step = heap.major(wanted, cause, before, start.at);
    let cycle = (step != Step::Whole).then(|| collector.major.begun());
    let ended = heap.collect_if_short(cause, before, start.at, step, &mut evacuated);
    if let Some(look) = look {
        look(&heap);
    }
    let remembered = heap.young.remembered.len();
    stop::count_stop(collector, &registry.mutators);
    registry.numbers.end_rest();
    collector.pacing.begin_nursery();
    heap.young.old_types.bytes = 0;
    if matches!(cause, Cause::Nursery | Cause::RememberedSet | Cause::Growth) {
        heap.fit_nursery(found);
    }
    let old_bytes = old_bytes(&heap.old.space, &heap.large);
    let all_swept = heap.all_swept;
    let is_after_burst = burst::is_over(&mut heap.young, collector.pacing.young_budget());
    let waiting = collector.keys_waited_for();
    let dead = heap.finish(waiting);
    if let Some((then, bytes)) = registry.resumed.replace((Instant::now(), old_bytes)) {
        collector.pacing.count_promoted(old_bytes.saturating_sub(bytes), then.elapsed());
    }
    let figures = PauseFigures {
        collected,
        cause,
        step,
        cycle,
        start: start.at,
        pause: start.at.elapsed(),
        time_to_safepoint: start.time_to_safepoint,
        last: start.last,
        before,
        after,
        old_before,
        old_after,
        allocated,
        copied: evacuated.copied,
        promoted: evacuated.promoted,
        promoted_objects: evacuated.promoted_objects,
        by_gc_workers: evacuated.by_gc_workers,
        remembered,
        registered: collector.registered.len(),
        waiting,
        queued: collector.registered.queues.waiting(),
    };
    if is_after_burst {
        collector.background.post(Job::Trim);
    }
    let survived = evacuated.copied + evacuated.promoted;
    collector.pacing.count_survivors(survived, evacuated.promoted);
    if collector.workers.want(&collector.config, survived) {
        collector.background.post(Job::StartWorkers);
    }
    if step != Step::Whole && !ended {
        collector.major.count(|current| {
            current.pause += figures.pause;
            current.freed += figures.freed();
        });
    }
    collector.stats.record_pause(&figures);
    if all_swept {
        major::end_cycle(collector, collector.major.begun());
    }
    (figures, dead)
}
