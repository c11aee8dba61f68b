//! The heap in a pause: its parts, with their locks, for the leader of the pause.

use core::panic::Location;

use crate::{
    object::TypeInfo,
    registered::Table,
    roots::StoppedRoots,
    safepoint::Reason,
    space::{
        large::{LargeSpace, Run},
        young::Age,
    },
    stats::recorder::Living,
    sync::MutexGuard,
};

use super::{
    collector::Collector,
    drops::DropQueue,
    generations::{Old, Young, old_bytes},
    registry::Attached,
    type_info::{KEPT, WEAK_CELL, WORD},
    verify::{self, Checkpoint},
};

/// The heap while the world is stopped.
pub(crate) struct StoppedHeap<'a> {
    pub(super) collector: &'a Collector,
    /// The mutators that the stop acted on.
    pub(super) mutators: &'a [Attached],
    /// How many mutators there are, with the dormant ones.
    pub(super) attached: usize,
    pub(super) roots: StoppedRoots<'a, Attached>,
    pub(crate) young: MutexGuard<'a, Young>,
    pub(crate) old: MutexGuard<'a, Old>,
    pub(crate) large: MutexGuard<'a, LargeSpace>,
    pub(super) dead: DropQueue,
    /// Whether this pause has swept the last block.
    pub(crate) all_swept: bool,
}

impl<'a> StoppedHeap<'a> {
    /// Locks the parts of the heap, and takes over the buffers and lists of the mutators. Those of
    /// dormant ones are empty.
    pub(crate) fn lock(
        collector: &'a Collector,
        mutators: &'a [Attached],
        dormant: &'a [Attached],
        dead: DropQueue,
    ) -> Self {
        let mut young = collector.young.lock();
        let (mut old, large) = (collector.old.lock(), collector.large.lock());
        for attached in mutators {
            let local = attached.state();
            young.take_over_old_cells(local, &mut old.space);
            young.take_over(local);
            local.buffer.rest();
            // The collection that these reasons request takes place now.
            local.poll.lower(Reason::MINOR);
            local.poll.lower(Reason::REMEMBERED);
        }
        young.space.forget_regions();
        young.ready = 0;
        let roots = StoppedRoots::new(&collector.roots, mutators, dormant, KEPT);
        let attached = mutators.len() + dormant.len();
        Self { collector, mutators, attached, roots, young, old, large, dead, all_swept: false }
    }

    /// Returns the bytes of objects, as chunks, cells and runs hold them.
    pub(crate) fn bytes(&self) -> usize {
        let space = &self.young.space;
        let young: usize =
            [Age::Fresh, Age::Survivor].into_iter().flat_map(|age| space.of_age(age)).map(|c| space.used(c)).sum();
        young + old_bytes(&self.old.space, &self.large)
    }

    /// Returns the bytes of objects of generation 0, as chunks and runs hold them, and of those
    /// that were allocated old: the bytes that were allocated since the last collection.
    pub(crate) fn fresh_bytes(&self) -> usize {
        let space = &self.young.space;
        let chunks: usize = space.of_age(Age::Fresh).map(|chunk| space.used(chunk)).sum();
        let runs = self.young.fresh_large.iter().map(|&page| self.collector.runs.run(page as usize));
        chunks + runs.map(Run::bytes).sum::<usize>() + self.young.old_types.bytes
    }

    /// Returns the table of registered objects.
    pub(crate) fn registered(&self) -> &Table {
        &self.collector.registered
    }

    /// Calls `look` with every live root, the words of finalization queues among them, and with the
    /// place where it was made, if that is known. Changes nothing.
    pub(crate) fn for_each_root(
        &self,
        mut look: impl FnMut(&'static TypeInfo, *mut u8, Option<&'static Location<'static>>),
    ) {
        self.roots.for_each_placed(&mut look);
        self.collector.registered.queues.visit(false, |word| look(WORD, word, None));
    }

    pub(crate) fn verify(&self, checkpoint: Checkpoint) {
        if self.collector.config.stress.verify {
            let heap = verify::Heap {
                map: self.collector.map,
                runs: &self.collector.runs,
                young: &self.young,
                old: &self.old.space,
                large: &self.large,
                roots: &self.roots,
                registered: &self.collector.registered,
                word: WORD,
                weak_cell: &WEAK_CELL,
                phase: self.collector.major.phase(),
            };
            if let Err(damage) = verify::verify(&heap, checkpoint) {
                panic!(
                    "gc-core: the heap is damaged ({checkpoint:?}, stress {:?}): {damage}",
                    self.collector.config.stress
                );
            }
        }
    }

    /// Publishes the figures. Returns the values that have to be dropped. `keys_waited_for`: for
    /// how many keys ephemerons wait.
    pub(crate) fn finish(mut self, keys_waited_for: usize) -> DropQueue {
        self.young.ready = self.old.space.ready();
        let old_bytes = old_bytes(&self.old.space, &self.large);
        self.collector.pacing.note_old_bytes(old_bytes);
        self.collector.memory.budget.set_side(self.side_bytes());
        self.collector.stats.record_living(&Living {
            old_bytes,
            old_objects: self.old.space.live_objects + self.large.old.len() + self.large.unswept.len(),
            survivor_bytes: self.young.space.of_age(Age::Survivor).map(|c| self.young.space.used(c)).sum(),
            remembered: self.young.remembered.len(),
            keys_waited_for,
        });
        self.dead
    }
}
