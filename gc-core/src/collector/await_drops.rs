//! The wait for destructors of a mutator whose heap has little room.
//!
//! - **[limit.drops]** Dead values count towards the limit, with what they hold elsewhere, until
//!   their destructors have run. So a mutator that reaches a safepoint with little room waits for
//!   them, once after each collection, and for a bounded time: the system may not run the threads
//!   that drop them, and a destructor may wait for this very thread. Each wait that releases little
//!   makes the next one shorter.

use std::time::Instant;

use crate::{sync::Arc, workers::role};

use super::{attachment::Attachment, collector::Collector, headroom::Headroom, near_limit, request};

/// Waits for destructors where there is little room ([limit.drops]). The caller is the running
/// owner of `local`, at a safepoint.
#[inline]
pub(crate) fn await_drops(local: &Attachment) {
    let Collector { headroom, memory, epochs, .. } = &*local.collector;
    if !headroom.is_low(memory.budget.limit()) {
        return;
    }
    let collections = epochs.collections();
    if local.waited_at.replace(collections) != collections {
        await_drops_slow(local);
    }
}

#[cold]
#[inline(never)]
fn await_drops_slow(local: &Attachment) {
    let collector = &*local.collector;
    let Collector { background, headroom, memory, .. } = collector;
    if background.pending.is_empty() || role::serves(Arc::as_ptr(&local.collector)) || collector.is_elsewhere() {
        return;
    }
    let last = background.pending.last();
    request::while_blocked(local, || {
        // [on-demand.refused].
        background.call_again();
        let (limit, before, start) = (memory.budget.limit(), memory.budget.used(), Instant::now());
        // What is left then is waited for after the next collection.
        let _ = background.pending.drain(last, headroom.drops_timeout());
        let released = before.saturating_sub(memory.budget.used());
        headroom.count_wait(released, start.elapsed(), limit);
        if released >= Headroom::margin(limit) {
            // What the last collection has found is no longer so.
            near_limit::fit_anew(collector);
        }
    });
}
