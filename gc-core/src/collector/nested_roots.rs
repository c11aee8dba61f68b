//! Roots inside the value of another root: they are dropped one after the other, not one inside the other.
//!
//! The value of a boxed root may hold roots, whose values may hold roots. To drop a chain of them must not take a stack as deep
//! as the chain is long, nor a collection for each link.
//!
//! - **On its owner's thread** the value of a root is dropped at once, up to a depth. Deeper values wait until the outermost one
//!   is dropped, as for counted objects (`counted::reclaim`).
//! - **In a job of the heap** roots of this heap are put aside. (This happens if a dead object held the first root, or if it was
//!   dropped on another thread and a scan unlinked it.) When the job's values are dropped, the job takes the values out of the
//!   roots that were put aside. It holds the registry lock meanwhile, so no pause is tracing the values ([roots.boxed-freed]).
//!   Then it drops them, and continues with the roots that are put aside meanwhile. If a leader has the lock for long, it may be
//!   waiting for a straggler, which this thread has to report: the roots that are left become a job at the end of the queue, and
//!   the other jobs come first.
//! - **Anywhere else** a scan unlinks the root, in the next pause.
//!
//! - **[nested-roots.counted]** A root that is put aside is counted as a value that waits to be dropped, before the value that held
//!   it is counted as dropped. So when none waits, the whole chain is dropped.
//!
//! The thread-locals have no destructor, so they still exist in the destructors of other thread-locals.

use core::{cell::Cell, mem::ManuallyDrop, ptr, time::Duration};

use crate::{
    roots::{BoxedValue, RootRef, aside},
    sync::Arc,
};

use super::{collector::Collector, drops::Dropped, jobs::Job};

/// The most values that are being dropped on a thread, each by the destructor of the one before.
const DEEP: u32 = 32;
/// How long a job waits for a pause to end, before the jobs behind it have their turn.
const TIMEOUT: Duration = Duration::from_millis(10);

type List<T> = ManuallyDrop<Cell<Vec<T>>>;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static WAITING: List<(Arc<Collector>, BoxedValue)> = const { ManuallyDrop::new(Cell::new(Vec::new())) };
}

/// Drops the value of a root that its owner's thread has unlinked.
///
/// # Safety
///
/// Only the caller has the value, to be dropped and freed.
pub(crate) unsafe fn drop_value(collector: Arc<Collector>, value: BoxedValue) {
    let depth = DEPTH.get();
    if depth == DEEP {
        WAITING.with(|waiting| {
            let mut items = waiting.take();
            items.push((collector, value));
            waiting.set(items);
        });
        return;
    }
    DEPTH.set(depth + 1);
    let mut next = Some((collector, value));
    while let Some((collector, value)) = next {
        let mut dropped = Dropped::default();
        // SAFETY: no other code has the value: the caller passed it, now or when it was put into `WAITING`.
        unsafe { value.drop_and_free(&mut dropped) };
        collector.background.count(dropped);
        next = if depth == 0 { WAITING.with(pop) } else { None };
    }
    DEPTH.set(depth);
}

fn pop<T>(list: &List<T>) -> Option<T> {
    let mut items = list.take();
    let item = items.pop();
    // An empty list has no memory, so nothing leaks when the thread ends.
    if !items.is_empty() {
        list.set(items);
    }
    item
}

/// Runs `job`, which drops values. Returns the roots that were in them, counted ([nested-roots.counted]), for [`drop_roots`]. The
/// caller counts the values of `job` as dropped afterwards.
#[must_use]
pub(super) fn put_aside(collector: &Collector, job: impl FnOnce(&mut Dropped)) -> Vec<RootRef> {
    let before = aside::begin(ptr::from_ref(collector).cast());
    let mut dropped = Dropped::default();
    job(&mut dropped);
    let roots = aside::take();
    aside::end(before);
    collector.background.expect_values(roots.len());
    collector.background.count(dropped);
    roots
}

/// Drops the values of roots that were put aside, and of those that are put aside meanwhile, or posts the rest as a job. The caller
/// runs a job of the heap, and holds no lock.
pub(super) fn drop_roots(collector: &Collector, mut roots: Vec<RootRef>) {
    while !roots.is_empty() {
        let Some(registry) = collector.registry.try_lock_for(TIMEOUT) else {
            collector.background.post(Job::Roots(roots));
            return;
        };
        let count = roots.len();
        let (values, heaps): (Vec<_>, Vec<_>) = roots.into_iter().map(RootRef::take_boxed_between_pauses).unzip();
        drop(registry);
        roots = put_aside(collector, |dropped| {
            for value in values {
                // SAFETY: taken out of its root just now, so no other code has it.
                unsafe { value.drop_and_free(dropped) };
            }
        });
        collector.background.dropped(count, 0);
        // The last root of a table releases its reference to the heap. If that was the last one, no root is left in `roots`, which
        // would have another.
        drop(heaps);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use crate::{Heap, Root, Stress, Trace};

    use super::{drop_roots, put_aside};

    #[derive(Trace)]
    #[trace(crate = crate)]
    struct Link(Arc<()>, Option<Root<Link>>);

    /// They were given up to the next pause, and not counted meanwhile.
    #[test]
    fn roots_that_are_put_aside_during_a_pause_are_dropped_after_it() {
        let heap = Heap::builder().stress(Stress::default()).build().unwrap();
        let m = heap.attach().unwrap();
        let links = Arc::new(());
        let chain = (0..100).fold(None, |chain, _| Some(m.root(Link(links.clone(), chain))));
        let collector = heap.collector();
        // A leader has the lock.
        let registry = collector.registry.lock();
        thread::scope(|scope| {
            scope.spawn(|| {
                let roots = put_aside(collector, |_| drop(chain));
                assert_eq!((roots.len(), heap.stats().drops_pending), (1, 1));
                drop_roots(collector, roots);
            });
        });
        assert_eq!((heap.stats().drops_pending, Arc::strong_count(&links)), (1, 101));
        drop(registry);
        while heap.stats().drops_pending > 0 {
            thread::yield_now();
        }
        assert_eq!(Arc::strong_count(&links), 1);
        assert_eq!(heap.stats().collections, [0; 3]);
    }
}
