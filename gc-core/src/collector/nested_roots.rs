//! Roots that go with the value of another root: one after the other, not one inside the other.
//!
//! The value of a boxed root may hold roots, whose values may hold roots. Dropping a chain of them must not take a stack as deep as it
//! is long, nor a collection for each link.
//!
//! - **On its owner's thread** the value of a root is dropped at once, but below a depth: what is deeper waits until the outermost one
//!   is done, as for counted objects (`counted::reclaim`).
//! - **In a job of the heap** (a dead object held the first root, or it was dropped on another thread and a scan unlinked it) roots of
//!   this heap are put aside. When the job's values are dropped, those of the roots are taken out, with the registry locked, so that no
//!   pause is tracing them ([roots.boxed-freed]); then they are dropped, and what comes aside meanwhile is next.
//! - **Anywhere else** a scan unlinks the root, in the next pause.
//!
//! The thread-locals need no destructor, and so are there in the destructors of others.

use core::{cell::Cell, mem::ManuallyDrop, ptr, time::Duration};

use crate::{
    roots::{BoxedValue, RootRef, aside},
    sync::Arc,
};

use super::{collector::Collector, drops::Dropped};

/// Values that are being dropped on a thread, each by the destructor of the one before.
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
/// The value is the caller's, to be dropped and freed.
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
        // SAFETY: the caller's, now or when it came to wait.
        unsafe { value.drop_and_free(&mut dropped) };
        collector.background.count(dropped);
        next = if depth == 0 { WAITING.with(pop) } else { None };
    }
    DEPTH.set(depth);
}

fn pop<T>(list: &List<T>) -> Option<T> {
    let mut items = list.take();
    let item = items.pop();
    // An empty list has no memory: the thread may end.
    if !items.is_empty() {
        list.set(items);
    }
    item
}

impl Collector {
    /// Runs `job`, which drops values, and then drops the values of the roots that go with them.
    pub(crate) fn drop_with_roots(&self, dropped: &mut Dropped, job: impl FnOnce(&mut Dropped)) {
        let before = aside::begin(ptr::from_ref(self).cast());
        job(dropped);
        loop {
            let roots = aside::take();
            if roots.is_empty() {
                break;
            }
            // Not for ever: a leader that waits for a thread which reaches no safepoint holds it, and this thread has that to tell.
            let Some(registry) = self.registry.try_lock_for(TIMEOUT) else {
                roots.into_iter().for_each(RootRef::release_elsewhere);
                break;
            };
            let (values, heaps): (Vec<_>, Vec<_>) = roots.into_iter().map(RootRef::take_boxed).unzip();
            drop(registry);
            for value in values {
                // SAFETY: taken out of its root just now.
                unsafe { value.drop_and_free(dropped) };
            }
            // The last root of a table lets go of the heap, which goes on as long as this job.
            drop(heaps);
        }
        aside::end(before);
    }
}
