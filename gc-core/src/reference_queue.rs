//! Reference queues: which objects have died.
//!
//! Java's `ReferenceQueue`, with a value in place of the reference object.

use core::{any::Any, fmt, marker::PhantomData, time::Duration};

use crate::{
    Gc, Heap, Mutator,
    registered::{Nothing, QueueId, Queues, Watcher},
    sync::Arc,
    trace::Object,
};

/// Tells which objects have died, by values that the program has attached to them.
///
/// A value arrives when a collection finds its object dead: when the weak references to it are
/// cleared, before it is finalized. In a minor collection that is in the pause; in a full one,
/// concurrently. The order of the values says nothing. When the heap ends, the values of all
/// objects arrive that are left. A queue belongs to one heap, does not keep it alive, and may be
/// used from any thread; clones are the same queue. When the last clone goes, its values are
/// dropped: those that wait at once, those of objects that live when these die, on a thread of the
/// heap.
///
/// ```
/// use gc_core::{Collect, ReferenceQueue};
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let dead = ReferenceQueue::new(&heap);
/// dead.watch(&m, m.alloc(1_u64), "one");
/// let two = m.root(m.alloc(2_u64));
/// dead.watch(&m, two.get(&m), "two");
/// m.collect(Collect::Young);
/// assert_eq!((dead.poll(), dead.poll()), (Some("one"), None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReferenceQueue<V> {
    queue: Arc<Queue>,
    value: PhantomData<fn(V) -> V>,
}

/// A queue of a heap, which is closed when this is dropped.
pub(crate) struct Queue {
    pub(crate) queues: Arc<Queues>,
    pub(crate) id: QueueId,
}

impl Drop for Queue {
    fn drop(&mut self) {
        // What was in it is dropped without the lock.
        drop(self.queues.close(self.id));
    }
}

impl Queue {
    /// Panics if a mutator is another heap's.
    #[track_caller]
    pub(crate) fn check(&self, mutator: &Mutator, what: &str) {
        assert!(
            Arc::ptr_eq(&self.queues, &mutator.local().collector.registered.queues),
            "{what}: expected a mutator of the queue's own heap, found one of another heap"
        );
    }
}

/// Why nothing was taken from a queue.
///
/// ```
/// use gc_core::{ReferenceQueue, WaitError};
/// use std::time::Duration;
///
/// let heap = gc_core::Heap::builder().build()?;
/// let queue = ReferenceQueue::<u64>::new(&heap);
/// assert_eq!(queue.wait(Duration::ZERO), Err(WaitError::TimedOut));
/// drop(heap);
/// assert_eq!(queue.wait(Duration::MAX), Err(WaitError::Ended));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitError {
    /// Nothing came in time.
    TimedOut,
    /// Nothing will ever come: the heap has ended.
    Ended,
}

impl From<Nothing> for WaitError {
    fn from(nothing: Nothing) -> Self {
        match nothing {
            Nothing::TimedOut => Self::TimedOut,
            Nothing::Ended => Self::Ended,
        }
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "expected something in the queue in time, found nothing",
            Self::Ended => "expected something in the queue, found that its heap has ended and the queue is empty",
        })
    }
}

impl std::error::Error for WaitError {}

impl<V: Send + 'static> ReferenceQueue<V> {
    /// Returns a queue for objects of `heap`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert!(gc_core::ReferenceQueue::<String>::new(&heap).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(heap: &Heap) -> Self {
        let queues = heap.collector().registered.queues.clone();
        Self { queue: Arc::new(Queue { id: queues.open_news(), queues }), value: PhantomData }
    }

    /// Attaches a value to an object, for when it dies. An object may have several. Each adds about
    /// 100 bytes to the heap's tables.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let dead = gc_core::ReferenceQueue::new(&heap);
    /// dead.watch(&m, m.alloc_str("a key of a cache"), 17);
    /// drop(m);
    /// # drop(heap);
    /// assert_eq!(dead.poll(), Some(17));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn watch<'gc, T: Object + ?Sized>(&self, mutator: &'gc Mutator, object: Gc<'gc, T>, value: V) {
        self.queue.check(mutator, "ReferenceQueue::watch");
        mutator.watch(object, self.queue.id, Box::new(value));
    }

    /// Takes the values back that were attached to an object with this queue. None of them arrives.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let dead = gc_core::ReferenceQueue::new(&heap);
    /// let object = m.alloc(1);
    /// dead.watch(&m, object, "one");
    /// assert_eq!((dead.unwatch(&m, object), dead.unwatch(&m, object)), (vec!["one"], vec![]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn unwatch<'gc, T: Object + ?Sized>(&self, mutator: &'gc Mutator, object: Gc<'gc, T>) -> Vec<V> {
        self.queue.check(mutator, "ReferenceQueue::unwatch");
        let table = &mutator.local().collector.registered;
        let taken = table.with_leaving(object.address(), |entry| {
            let Some(extras) = &mut entry.extras else { return Vec::new() };
            let taken = extras.watchers.extract_if(.., |watcher| watcher.queue == self.queue.id).collect();
            entry.trim_extras();
            taken
        });
        taken.unwrap_or_default().into_iter().map(|watcher| value(watcher.notice)).collect()
    }

    /// Takes a value from the queue, if there is one.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert_eq!(gc_core::ReferenceQueue::<u64>::new(&heap).poll(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll(&self) -> Option<V> {
        self.wait(Duration::ZERO).ok()
    }

    /// Takes a value from the queue, and waits for one, for `timeout` at most.
    ///
    /// A thread that runs a mutator holds up the collections of its heap while it waits: it waits
    /// inside of [`Mutator::blocked`], or has its mutator parked.
    ///
    /// # Errors
    ///
    /// [`WaitError`].
    ///
    /// ```
    /// use gc_core::ReferenceQueue;
    /// use std::{thread, time::Duration};
    ///
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let dead = ReferenceQueue::new(&heap);
    /// thread::scope(|scope| {
    ///     let reader = scope.spawn(|| dead.wait(Duration::MAX));
    ///     let mut m = heap.attach()?;
    ///     dead.watch(&m, m.alloc(1), "one");
    ///     m.collect(gc_core::Collect::Young);
    ///     assert_eq!(reader.join().unwrap(), Ok("one"));
    /// #   Ok::<(), Box<dyn std::error::Error>>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self, timeout: Duration) -> Result<V, WaitError> {
        Ok(value(self.queue.queues.take_news(self.queue.id, timeout)?))
    }

    /// Returns how many values wait to be taken.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert_eq!(gc_core::ReferenceQueue::<u64>::new(&heap).len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.queues.len(self.queue.id)
    }

    /// Returns whether no value waits to be taken.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert!(gc_core::ReferenceQueue::<u64>::new(&heap).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn value<V: 'static>(notice: Box<dyn Any + Send>) -> V {
    *notice.downcast().expect("a queue holds values of its type")
}

impl Mutator {
    /// Has a notice put into a queue when an object dies.
    #[track_caller]
    pub(crate) fn watch<'gc, T: Object + ?Sized>(
        &'gc self,
        object: Gc<'gc, T>,
        queue: QueueId,
        notice: Box<dyn Any + Send>,
    ) {
        let collector = &self.local().collector;
        // SAFETY: an object that this thread has in hand.
        unsafe {
            collector.registered.with_entry(collector.generations(), object.address(), |entry| {
                entry.extras_mut().watchers.push(Watcher { queue, notice });
            });
        }
    }
}

impl<V> Clone for ReferenceQueue<V> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), value: PhantomData }
    }
}

/// As for [`Heap`](crate::Heap): a panic leaves no broken state.
impl<V> core::panic::RefUnwindSafe for ReferenceQueue<V> {}

/// As above.
impl<V> core::panic::UnwindSafe for ReferenceQueue<V> {}

impl<V> fmt::Debug for ReferenceQueue<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.queue.queues.len(self.queue.id);
        write!(f, "ReferenceQueue<{}>({waiting} waiting)", core::any::type_name::<V>())
    }
}
