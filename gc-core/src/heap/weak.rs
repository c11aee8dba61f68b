//! `WeakHeap`: a handle that does not keep its heap alive.

use core::fmt;

use crate::{
    Trace,
    collector::users::Users,
    sync::{Arc, Weak},
};

use super::Heap;

/// A handle to a heap that does not keep it alive, `Clone + Send + Sync`: for what lives in a heap,
/// and for tables and callbacks that a heap may outlive or not.
///
/// A [`Heap`] in an object of that very heap keeps the heap, and so the object and itself: neither
/// ends. A `WeakHeap` there does not.
///
/// ```
/// use gc_core::{Heap, Trace, WeakHeap};
///
/// /// An object that knows its heap, to be put into it.
/// #[derive(Trace)]
/// struct Task {
///     heap: WeakHeap,
/// }
///
/// let heap = Heap::builder().build()?;
/// let weak = heap.downgrade();
/// let m = heap.attach()?;
/// let task = m.alloc(Task { heap: weak.clone() });
/// assert!(task.heap.upgrade().is_some_and(|its| its.ptr_eq(&heap)));
/// drop((m, heap));
/// assert!(weak.upgrade().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Trace)]
#[trace(leaf)]
#[trace(crate = crate)]
pub struct WeakHeap {
    users: Weak<Users>,
}

/// As for [`Heap`].
impl core::panic::RefUnwindSafe for WeakHeap {}

/// As for [`Heap`].
impl core::panic::UnwindSafe for WeakHeap {}

impl Heap {
    /// Returns a handle that does not keep the heap alive. Takes constant time, on any thread.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let weak = heap.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(heap);
    /// assert!(weak.upgrade().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakHeap {
        WeakHeap { users: Arc::downgrade(&self.users) }
    }
}

impl WeakHeap {
    /// Returns a handle to the heap, or `None` if its last handle and attached or parked mutator
    /// are gone: nobody can use it any more, also if a [`Root`](crate::Root) still keeps it. Takes
    /// constant time, on any thread, also in a destructor.
    ///
    /// Until the handle that this returns is dropped, the heap does not end. The thread that drops
    /// it may be the last one that has one, and then waits for the heap's end
    /// ([`HeapBuilder::end_waits`](crate::HeapBuilder::end_waits)).
    ///
    /// ```
    /// # use gc_core::{Heap, WeakHeap};
    /// /// Does something in the heap, if it is still there.
    /// fn visit(weak: &WeakHeap) -> Option<u64> {
    ///     let heap = weak.upgrade()?;
    ///     heap.with(|m| *m.alloc(7)).ok()
    /// }
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let weak = heap.downgrade();
    /// assert_eq!(visit(&weak), Some(7));
    /// drop(heap);
    /// assert_eq!(visit(&weak), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Heap> {
        self.users.upgrade().map(|users| Heap { users })
    }
}

impl fmt::Debug for WeakHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakHeap")
    }
}
