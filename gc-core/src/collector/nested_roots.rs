//! Roots inside the value of another root: they are dropped one after the other, not one inside the
//! other.
//!
//! The value of a boxed root may hold roots, whose values may hold roots. To drop a chain of them
//! must not take a stack as deep as the chain is long, nor a collection for each link.
//!
//! - **On its owner's thread** the value of a root is dropped at once, up to a depth. Deeper values
//!   wait until the outermost one is dropped, as for counted objects (`counted::reclaim`).
//! - **On a thread that runs destructors** roots of its heap are put aside. (This happens if a dead
//!   object held the first root, or if it was dropped on another thread and a scan unlinked it.)
//!   When the value that held them is dropped, they become a job, which takes the values out of the
//!   roots. It holds the registry lock meanwhile, so no pause is tracing the values
//!   ([roots.boxed-freed]). Then it drops them, and the roots in them become the next job. If a
//!   leader has the lock for long, the roots become a job at the end of the queue, and the other
//!   jobs come first.
//! - **Anywhere else** a scan unlinks the root, in the next pause. When the heap has no user any
//!   more, there may be none: a root in the value would keep the heap, with its memory and its
//!   threads, for ever. So the last user has what was dropped before, and a thread that drops a
//!   root afterwards has its value, dropped on a thread that runs destructors
//!   ([attendance.one-finds]).
//!
//! - **[nested-roots.counted]** A root that is put aside is counted as a value that waits to be
//!   dropped, before the value that held it is counted as dropped. So when none waits, the whole
//!   chain is dropped.
//!
//! The thread-locals have no destructor, so they still exist in the destructors of other
//! thread-locals.

use core::{cell::Cell, mem::ManuallyDrop, time::Duration};

use crate::{
    roots::{BoxedValue, RootRef},
    sync::Arc,
};

use super::{
    collector::Collector,
    dropping::run_part,
    drops::Dropped,
    parts::{Part, Values},
};

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

/// Drops the values of roots that were put aside, or posts them again. The caller runs destructors
/// for the heap, and holds no lock.
pub(super) fn drop_roots(collector: &Collector, roots: Vec<RootRef>, batch: u64) {
    let Some(registry) = collector.registry.try_lock_for(TIMEOUT) else {
        collector.background.post_counted_roots(roots, batch);
        return;
    };
    let (values, heaps): (Vec<_>, Vec<_>) = roots.into_iter().map(RootRef::take_boxed_between_pauses).unzip();
    drop(registry);
    // The last root of a chunk gives up its reference to the heap. If that was the last one, the heap ends, and its end waits for this.
    drop(heaps);
    run_part(collector, Part::new(Values::Boxed(values), batch));
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use crate::{Collect, Heap, Root, Stress, Trace};

    #[derive(Trace)]
    #[trace(crate = crate)]
    struct Link(Arc<()>, Option<Root<Link>>);

    /// Its destructor waits for a lock.
    #[derive(Trace)]
    #[trace(crate = crate, leaf)]
    struct Gate(Arc<parking_lot::Mutex<()>>);

    impl Drop for Gate {
        fn drop(&mut self) {
            drop(self.0.lock());
        }
    }

    /// They were given up to the next pause, and not counted meanwhile.
    #[test]
    fn roots_that_are_put_aside_during_a_pause_are_dropped_after_it() {
        let heap = Heap::builder().stress(Stress::default()).build().unwrap();
        let mut m = heap.attach().unwrap();
        let links = Arc::new(());
        let chain = (0..100).fold(None, |chain, _| Some(m.root(Link(links.clone(), chain))));
        m.alloc(Link(links.clone(), chain));
        let gate = Arc::new(parking_lot::Mutex::new(()));
        m.alloc(Gate(gate.clone()));
        let closed = gate.lock();
        m.collect(Collect::Full);
        // A leader has the lock.
        let registry = heap.collector().registry.lock();
        drop(closed);
        let until = |done: &dyn Fn() -> bool| {
            while !done() {
                thread::yield_now();
            }
        };
        until(&|| heap.stats().drops_run == 2);
        assert_eq!((heap.stats().drops_pending, Arc::strong_count(&links)), (1, 101));
        drop(registry);
        until(&|| heap.stats().drops_pending == 0);
        assert_eq!((heap.stats().drops_run, Arc::strong_count(&links)), (102, 1));
        let collections = heap.stats().collections;
        assert_eq!((collections.full, collections.total()), (1, 1));
    }
}
