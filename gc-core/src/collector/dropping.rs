//! Dropping a part, for its heap: what its values drop is counted and posted.

use core::cell::Cell;

use crate::{registered::Notice, roots::aside, sync::Arc};

use super::{
    collector::Collector,
    drops::Dropped,
    jobs::Job,
    parts::{Part, Run, Values},
};

thread_local! {
    static REST: Cell<Option<Notice>> = const { Cell::new(None) };
}

/// Has the rest of a drop done later, by the drop of another value, so that other values have their turn. Called in the drop of one of the
/// heap's values: a thread that waits for that one waits for the rest, too.
pub(crate) fn do_later(rest: Notice) {
    REST.set(Some(rest));
}

/// Drops the values of a part, and counts them.
pub(super) fn run_part(collector: &Collector, part: Part) {
    let part = Arc::new(part);
    collector.background.pending.begin(part.clone());
    let before = aside::begin(core::ptr::from_ref(collector).cast());
    part.run(&OfHeap { collector, batch: part.batch });
    aside::end(before);
    if let Some(rest) = REST.take() {
        // Counted before the value that has left it is counted as dropped, as roots are ([nested-roots.counted]).
        collector.background.post_rest(Values::Notices(vec![Cell::new(Some(rest))]), part.batch);
    }
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
