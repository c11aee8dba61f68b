//! Counting the objects of a heap by type: what a mutator requests, and what a pause does for it.

use core::ptr::NonNull;

use crate::{
    object::{Header, HeaderWord},
    old::tally::Tally,
    space::young::Age,
    stats::{Cause, Collect, CollectReport},
    sync::Arc,
};

use super::{attachment::Attachment, collector::Collector, generations::Old, request, stopped_heap::StoppedHeap};

/// Has a major cycle that begins now count the objects that it marks, and waits for its end. The
/// caller is the running owner of `local`, at a safepoint.
pub(crate) fn count_types(local: &Attachment) -> (Arc<Tally>, CollectReport) {
    /// Withdraws the request, also if the wait panics.
    struct Requested<'a> {
        collector: &'a Collector,
        first: u64,
    }
    impl Drop for Requested<'_> {
        fn drop(&mut self) {
            self.collector.old.lock().counting.withdraw(self.first);
        }
    }
    let collector = &*local.collector;
    request::expect_here(collector);
    // [counting.first].
    let first = {
        let mut old = collector.old.lock();
        let begun = collector.major.begun();
        old.counting.request(begun)
    };
    let requested = Requested { collector, first };
    let observed = request::observed_before(collector, requested.first);
    loop {
        let report = request::request(local, Collect::Full, Cause::Explicit, observed);
        let finished = collector.old.lock().counting.finished(requested.first);
        debug_assert!(finished.is_some(), "a cycle that serves a request has counted");
        if let Some(tally) = finished {
            return (tally, report);
        }
    }
}

impl StoppedHeap<'_> {
    /// Counts what was young, if that is wanted, after all that is reachable of it was evacuated.
    /// `all`: everything was promoted.
    #[inline]
    pub(crate) fn count_young(&mut self, all: bool) {
        if all && self.old.counting.is_requested() {
            self.count_evacuated();
        }
    }

    #[cold]
    #[inline(never)]
    fn count_evacuated(&mut self) {
        let (phase, begun) = (self.collector.major.phase(), self.collector.major.begun());
        let Old { counting, .. } = &mut *self.old;
        let Some(tally) = counting.young(phase, begun) else { return };
        let space = &self.young.space;
        for age in [Age::Fresh, Age::Survivor] {
            for chunk in space.of_age(age) {
                // SAFETY: [chunk.no-gaps], and the world is stopped.
                unsafe { count_chunk(tally, age, space.start(chunk), space.top(chunk)) };
            }
        }
        for &page in &self.young.fresh_large {
            let (address, info) = self.collector.runs.object(page as usize);
            // SAFETY: an object of this type.
            let bytes = unsafe { info.size_with_header(address) };
            let record = tally.of(info);
            let is_kept = self.collector.runs.run(page as usize).is_old();
            let amount = if is_kept { &mut record.fresh } else { &mut record.dead };
            amount.add(bytes);
        }
    }
}

/// Counts the objects of a chunk of from-space, of which the live ones are forwarded.
///
/// # Safety
///
/// From `start` on lie objects and fillers without a gap, `top` bytes of them, and the world is
/// stopped.
unsafe fn count_chunk(tally: &mut Tally, age: Age, start: *mut u8, top: usize) {
    let mut at = 0;
    while at < top {
        let Some(place) = NonNull::new(start.wrapping_add(at)) else { unreachable!("no chunk is at address 0") };
        let header = Header::at(place);
        // SAFETY: below the chunk's top, and the objects and fillers before it end here, so this is a header.
        let (address, is_kept) = match unsafe { header.read() } {
            HeaderWord::Filler(bytes) => {
                at += bytes;
                continue;
            }
            HeaderWord::Forwarded(to) => (to, true),
            HeaderWord::Info(_) => (header.address(), false),
        };
        // SAFETY: an object, which is not forwarded: a dead one in from-space, or the copy of a live one.
        let info = unsafe { Header::of(address).info() };
        // SAFETY: of this type.
        let bytes = unsafe { info.size_with_header(address) };
        at += info.shape.young_bytes(bytes);
        let record = tally.of(info);
        let amount = match (is_kept, age) {
            (false, _) => &mut record.dead,
            (true, Age::Fresh) => &mut record.fresh,
            (true, _) => &mut record.survivors,
        };
        amount.add(bytes);
    }
}
