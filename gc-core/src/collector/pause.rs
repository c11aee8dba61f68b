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

use std::time::Instant;

use crate::stats::{
    event::Step,
    figures::PauseFigures,
    report::{Cause, Generation},
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

/// Collects. The world is stopped; the caller leads. What is told of it, and what it found dead.
pub(crate) fn collect(
    shared: &Shared,
    mutators: &[Attached],
    registry: &mut Registry,
    wanted: Wanted,
    cause: Cause,
    start: Start,
) -> (PauseFigures, Pending) {
    let (generation, wanted, cause) = choose(shared, wanted, cause);
    let mut pending = Pending::default();
    registry.forget_tables(&mut pending);
    let mut heap = StoppedHeap::stopped(shared, mutators, &registry.tables, pending);
    let before = heap.bytes();
    let allocated = heap.fresh_bytes();
    let before_remembered = heap.young.remembered.len();
    heap.verify(Moment::Before);
    let evacuated = heap.minor(generation);
    heap.verify(if generation == Generation::Fresh { Moment::After } else { Moment::AfterPromotion });
    let after = heap.bytes();
    let step = heap.major(wanted, cause, before, start.at);
    let remembered = heap.young.remembered.len();
    shared.count_stop(mutators);
    shared.pace.begin_nursery();
    let old_bytes = old_bytes(&heap.old.space, &heap.large);
    let all_swept = heap.all_swept;
    let pending = heap.finish();
    if let Some((then, bytes)) = registry.resumed.replace((Instant::now(), old_bytes)) {
        shared.pace.count_promoted(old_bytes.saturating_sub(bytes), then.elapsed());
    }
    let figures = PauseFigures {
        generation,
        cause,
        step,
        start: start.at,
        pause: start.at.elapsed(),
        stopped: start.stopped,
        last: start.last,
        before,
        after,
        allocated,
        copied: evacuated.copied,
        promoted: evacuated.promoted,
        promoted_objects: evacuated.promoted_objects,
        helped: evacuated.helped,
        remembered,
    };
    let survived = evacuated.copied + evacuated.promoted;
    if cause == Cause::Nursery || cause == Cause::Growth {
        shared.pace.fit_nursery(survived, before_remembered);
    }
    shared.pace.count_survivors(survived);
    if shared.workers.want(&shared.config, survived) {
        shared.background.post(Job::Hire);
    }
    if step != Step::Whole {
        shared.full.count(|current| {
            current.pause += figures.pause;
            current.freed += figures.freed();
        });
    }
    shared.stats.pause(&figures);
    if all_swept {
        shared.end_full(shared.full.begun());
    }
    (figures, pending)
}
