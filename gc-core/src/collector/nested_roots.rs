//! Roots that go with the value of another root: one after the other, not one inside the other.
//!
//! The value of a boxed root may hold roots, whose values may hold roots. Dropping a chain of them must not take a stack as deep as it
//! is long, nor a collection for each link.
//!
//! - **On its owner's thread** the value of a root is dropped at once, but below a depth: what is deeper waits until the outermost one
//!   is done, as for counted objects (`counted::grave`).
//! - **In a job of the heap** (a dead object held the first root, or it was dropped on another thread and a scan unlinked it) roots of
//!   this heap are put aside. When the job's values are dropped, those of the roots are taken out, with the registry locked, so that no
//!   pause is tracing them (T4 of `roots`); then they are dropped, and what comes aside meanwhile is next.
//! - **Anywhere else** a scan unlinks the root, in the next pause. Where no thread is attached, there may be none: a root that was dropped
//!   would keep those in its value, and these their heap, with its threads, for ever. So who drops a root there takes its value out as a job
//!   does, and who detaches as the last scans; the values go in a job of the heap. Who drops while another detaches notes it, and looks whether
//!   somebody is attached; who detaches is attached no more, and looks whether something was noted: one of them sees the other.
//!
//! The thread-locals need no destructor, and so are there in the destructors of others.

use core::{cell::Cell, mem::ManuallyDrop, ptr, time::Duration};

use crate::sync::{
    Arc, MutexGuard,
    atomic::{Ordering, fence},
};

use super::{
    handle::Handle,
    pending::{Dropped, Pending, drop_object},
    roots::{BoxedValue, RootRef},
    shared::{Registry, Shared},
};

/// Values that are being dropped on a thread, each by the destructor of the one before.
const DEEP: u32 = 32;
/// How long a job waits for a pause to end.
const PATIENCE: Duration = Duration::from_millis(10);

type List<T> = ManuallyDrop<Cell<Vec<T>>>;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static WAITING: List<(Arc<Shared>, BoxedValue)> = const { ManuallyDrop::new(Cell::new(Vec::new())) };
    /// The identity of the heap whose job runs on this thread, or null.
    static HEAP: Cell<*const ()> = const { Cell::new(ptr::null()) };
    static ASIDE: List<RootRef> = const { ManuallyDrop::new(Cell::new(Vec::new())) };
}

fn push<T>(list: &List<T>, item: T) {
    let mut items = list.take();
    items.push(item);
    list.set(items);
}

/// Drops the value of a root that its owner's thread has unlinked.
///
/// # Safety
///
/// The value is the caller's, to be dropped and freed.
pub(crate) unsafe fn drop_value(shared: Arc<Shared>, value: BoxedValue) {
    let depth = DEPTH.get();
    if depth == DEEP {
        WAITING.with(|waiting| push(waiting, (shared, value)));
        return;
    }
    DEPTH.set(depth + 1);
    let mut next = Some((shared, value));
    while let Some((shared, value)) = next {
        let mut dropped = Dropped::default();
        // SAFETY: the caller's, now or when it came to wait.
        unsafe { value.drop_and_free(&mut dropped) };
        shared.count(dropped);
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

/// Puts a root aside that is dropped in a job of its heap. Whether this is one.
pub(crate) fn put_aside(root: RootRef) -> bool {
    let ours = ptr::eq(HEAP.get(), root.heap());
    if ours {
        ASIDE.with(|aside| push(aside, root));
    }
    ours
}

impl Shared {
    /// Runs `job`, which drops values, and then drops the values of the roots that go with them.
    pub(crate) fn drop_with_roots(&self, dropped: &mut Dropped, job: impl FnOnce(&mut Dropped)) {
        let before = HEAP.replace(ptr::from_ref(self).cast());
        job(dropped);
        loop {
            let roots = ASIDE.with(|aside| aside.take());
            if roots.is_empty() {
                break;
            }
            // Not for ever: a leader that waits for a thread which reaches no safepoint holds it, and this thread has that to tell.
            let Some(registry) = self.registry.try_lock_for(PATIENCE) else {
                roots.into_iter().for_each(RootRef::release_boxed_elsewhere);
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
        HEAP.set(before);
    }
}

impl Shared {
    /// Whether nobody is attached, at this moment.
    pub(crate) fn is_unattended(&self) -> bool {
        self.pace.attached() == 0
    }

    /// The same for who has just dropped a root. If somebody is attached, then the last one to detach unlinks it.
    pub(crate) fn is_unattended_after_drop(&self) -> bool {
        // Release, with the Acquire in `unlink_roots`: who sees this sees the root dropped.
        self.pace.roots_dropped.store(true, Ordering::Release);
        // SeqCst, with the one in `unlink_roots`: we see that nobody is attached, or who detaches sees what we stored.
        fence(Ordering::SeqCst);
        self.is_unattended()
    }

    /// Unlinks roots that were dropped, if nobody is attached, and hands over their values to be dropped. The caller has just detached, or
    /// has just dropped a root.
    pub(crate) fn unlink_roots(&self, registry: &Registry) {
        if !registry.mutators.is_empty() {
            return;
        }
        // SeqCst: see `is_unattended_after_drop`.
        fence(Ordering::SeqCst);
        if !self.pace.roots_dropped.swap(false, Ordering::Acquire) {
            return;
        }
        let mut pending = Pending::default();
        for table in &registry.tables {
            // The lock is the registry's: nobody runs, and no pause is under way.
            table.scan(|_, _| (), |value| pending.boxed(value));
        }
        self.background.expect_drops(&mut pending, &self.memory.budget);
        self.background.post_drops(pending);
    }
}

impl Handle {
    /// The registry, unless somebody has it for long: who attaches, and will detach.
    fn registry(&self) -> Option<MutexGuard<'_, Registry>> {
        // In the child of a fork nobody drops, and the lock may be held for ever.
        if self.is_elsewhere() { None } else { self.shared.registry.try_lock_for(PATIENCE) }
    }

    /// [`Shared::unlink_roots`], for who has dropped a root.
    pub(crate) fn unlink_roots(&self) {
        if let Some(registry) = self.registry() {
            self.shared.unlink_roots(&registry);
        }
    }

    /// Drops a root whose value is taken out now, and handed over to be dropped, if nobody is attached. Whether it did.
    pub(crate) fn take_root(&self, root: RootRef) -> bool {
        let Some(registry) = self.registry().filter(|registry| registry.mutators.is_empty()) else { return false };
        let (value, heap) = root.take_boxed();
        let mut pending = Pending::default();
        pending.boxed(value);
        self.shared.background.expect_drops(&mut pending, &self.shared.memory.budget);
        drop(registry);
        self.shared.background.post_drops(pending);
        // Not the last: `self` is there.
        drop(heap);
        true
    }
}

impl BoxedValue {
    /// Drops the value, and frees its memory. A destructor that panics is noted.
    ///
    /// # Safety
    ///
    /// The value is the caller's: its root is gone and unlinked.
    pub(crate) unsafe fn drop_and_free(self, dropped: &mut Dropped) {
        // SAFETY: the caller's. Dropped as the type it has at any lifetime; traced types run no user code of their own, leaves know
        // no lifetime.
        unsafe { drop_object(self.value.as_ptr(), self.info, dropped) };
        // SAFETY: dropped just now.
        unsafe { self.free() };
    }
}
