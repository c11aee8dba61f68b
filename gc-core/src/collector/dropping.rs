//! Dropping a part, for its heap: what its values drop is counted and posted.

use crate::{roots::aside, sync::Arc};

use super::{
    collector::Collector,
    drops::Dropped,
    jobs::Job,
    parts::{Part, Run},
};

/// Drops the values of a part, and counts them.
pub(super) fn run_part(collector: &Collector, part: Part) {
    let part = Arc::new(part);
    collector.background.pending.begin(part.clone());
    let before = aside::begin(core::ptr::from_ref(collector).cast());
    part.run(&OfHeap { collector, batch: part.batch });
    aside::end(before);
    if collector.background.pending.end(part, &collector.memory.budget) {
        collector.background.post(Job::Watch);
    }
}

/// What a part needs of its heap.
struct OfHeap<'a> {
    collector: &'a Collector,
    batch: u64,
}

impl Run for OfHeap<'_> {
    fn large(&self, page: u32) -> *mut u8 {
        self.collector.runs.object(page as usize).0
    }

    fn free_large(&self, page: u32) {
        self.collector.large.lock().give_back(&self.collector.runs, page);
    }

    #[inline(always)]
    fn after(&self, dropped: &mut Dropped) {
        if aside::any() {
            // [nested-roots.counted].
            self.collector.background.post_roots(aside::take(), self.batch);
        }
        if !dropped.panicked.is_empty() {
            self.collector.background.count_panics(dropped);
        }
    }
}
