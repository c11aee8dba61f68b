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
//!   Then it drops them, and continues with the roots that are put aside meanwhile.
//! - **Anywhere else** a scan unlinks the root, in the next pause.
//!
//! The thread-locals have no destructor, so they still exist in the destructors of other thread-locals.

use core::{cell::Cell, mem::ManuallyDrop, ptr, time::Duration};

use crate::{
    roots::{BoxedValue, RootRef, aside},
    sync::Arc,
};

use super::{collector::Collector, drops::Dropped};

/// The most values that are being dropped on a thread, each by the destructor of the one before.
const DEEP: u32 = 32;
/// How long a job waits for a pause to end.
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

/// Runs `job`, which drops values, and then drops the values of the roots that were in them.
pub(crate) fn drop_with_roots(collector: &Collector, dropped: &mut Dropped, job: impl FnOnce(&mut Dropped)) {
    let before = aside::begin(ptr::from_ref(collector).cast());
    job(dropped);
    loop {
        let roots = aside::take();
        if roots.is_empty() {
            break;
        }
        // The wait has a timeout. A leader that waits for a straggler holds the lock, and this thread has to report the
        // straggler.
        let Some(registry) = collector.registry.try_lock_for(TIMEOUT) else {
            roots.into_iter().for_each(RootRef::release_elsewhere);
            break;
        };
        let (values, heaps): (Vec<_>, Vec<_>) = roots.into_iter().map(RootRef::take_boxed).unzip();
        drop(registry);
        for value in values {
            // SAFETY: taken out of its root just now, so no other code has it.
            unsafe { value.drop_and_free(dropped) };
        }
        // The last root of a table releases its reference to the heap. The heap lives at least as long as this job.
        drop(heaps);
    }
    aside::end(before);
}
