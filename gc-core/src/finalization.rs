//! Finalization, by queues: the guardians of Dybvig, Bruggeman and Eby (*Guardians in a
//! generation-based garbage collector*, 1993).

use core::{fmt, marker::PhantomData, time::Duration};

use crate::{
    Gc, Heap, Mutator,
    reference_queue::{Queue, WaitError},
    sync::Arc,
    trace::Object,
};

/// Hands objects over that nothing else leads to any more, alive and whole: what the program does
/// with them is finalization.
///
/// An object is *registered* with the queue. When a collection finds that nothing leads to it but
/// this, its weak references are cleared first; then it is put into the queue, which keeps it alive
/// with all that it reaches, until the program takes it. From then on it is an ordinary object: the
/// program may keep it, and register it again. It is handed over once for each time that it was
/// registered.
///
/// The collector runs nothing of the program: the program takes objects when it suits,
/// [`poll`](Self::poll), or on a thread of its own. So a finalizer may allocate, lock, block and
/// panic as any code. The order in which objects are handed over says nothing: registered objects
/// that a collection finds dead together are all handed over, also if they lead to each other, and
/// each finds the others whole. (What an object in the queue leads to is alive: an old object to
/// which a young one leads that was found dead earlier waits for a later collection.) That, and
/// that an object may come back, is why traced types have no `Drop` of their own that sees other
/// objects: destructors of the values *in* an object run after all this, when nothing can reach it.
///
/// An ephemeron whose key is to be finalized is cleared before, as weak references are; one that
/// only finalized objects lead to is not, if they lead to its key, too.
///
/// A queue belongs to one heap, does not keep it alive, and may be used from any thread; clones are
/// the same queue. When the last clone goes, nothing is finalized any more that it had registered.
/// When the heap ends, its objects go without being finalized: [`Mutator::shutdown`] hands them
/// over before.
///
/// ```
/// use gc_core::{Collect, FinalizationQueue, Trace};
///
/// #[derive(Trace)]
/// struct Connection { number: u64 }
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let closing = FinalizationQueue::<Connection>::new(&heap);
/// closing.register(&m, m.alloc(Connection { number: 7 }));
/// m.collect(Collect::Young);
/// let dead = closing.poll(&m).unwrap();
/// assert_eq!(dead.number, 7);
/// assert!(closing.poll(&m).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FinalizationQueue<T: ?Sized> {
    queue: Arc<Queue>,
    /// Invariant: what one handle registers another one takes.
    object: PhantomData<fn(*const T) -> *const T>,
}

impl<T: Object + ?Sized + 'static> FinalizationQueue<T> {
    /// Returns a queue for objects of `heap`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert!(gc_core::FinalizationQueue::<str>::new(&heap).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(heap: &Heap) -> Self {
        let queues = heap.collector().registered.queues.clone();
        Self { queue: Arc::new(Queue { id: queues.open_objects(), queues }), object: PhantomData }
    }

    /// Registers an object, unless it is registered already. Returns whether it was not. Takes some
    /// tens of nanoseconds, and adds about 100 bytes to the heap's tables until the object is
    /// handed over.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let queue = gc_core::FinalizationQueue::<u64>::new(&heap);
    /// let object = m.alloc(1);
    /// assert!(queue.register(&m, object) && !queue.register(&m, object));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn register<'gc>(&self, mutator: &'gc Mutator, object: Gc<'gc, T::At<'gc>>) -> bool {
        self.queue.check(mutator, "FinalizationQueue::register");
        let collector = &mutator.local().collector;
        // SAFETY: an object that this thread has in hand.
        unsafe {
            collector.registered.with_entry(collector.generations(), object.address(), |entry| {
                let finalizers = &mut entry.extras_mut().finalizers;
                let new = !finalizers.contains(&self.queue.id);
                if new {
                    finalizers.push(self.queue.id);
                }
                new
            })
        }
    }

    /// Ends the registration of an object. Returns whether it was registered.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let queue = gc_core::FinalizationQueue::<u64>::new(&heap);
    /// let object = m.alloc(1);
    /// queue.register(&m, object);
    /// assert!(queue.unregister(&m, object) && !queue.unregister(&m, object));
    /// m.collect(gc_core::Collect::Young);
    /// assert!(queue.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn unregister<'gc>(&self, mutator: &'gc Mutator, object: Gc<'gc, T::At<'gc>>) -> bool {
        self.queue.check(mutator, "FinalizationQueue::unregister");
        let was = mutator.local().collector.registered.with_leaving(object.address(), |entry| {
            let Some(extras) = &mut entry.extras else { return false };
            let before = extras.finalizers.len();
            extras.finalizers.retain(|&queue| queue != self.queue.id);
            let was = extras.finalizers.len() < before;
            entry.trim_extras();
            was
        });
        was.unwrap_or(false)
    }

    /// Returns whether an object is registered.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let queue = gc_core::FinalizationQueue::<u64>::new(&heap);
    /// let object = m.alloc(1);
    /// assert!(!queue.is_registered(&m, object));
    /// queue.register(&m, object);
    /// assert!(queue.is_registered(&m, object));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn is_registered<'gc>(&self, mutator: &'gc Mutator, object: Gc<'gc, T::At<'gc>>) -> bool {
        self.queue.check(mutator, "FinalizationQueue::is_registered");
        let is_in = |entry: &mut crate::registered::Entry| {
            entry.extras.as_ref().is_some_and(|extras| extras.finalizers.contains(&self.queue.id))
        };
        mutator.local().collector.registered.with_existing(object.address(), is_in).unwrap_or(false)
    }

    /// Takes an object from the queue, if there is one.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert!(gc_core::FinalizationQueue::<u64>::new(&heap).poll(&m).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn poll<'gc>(&self, mutator: &'gc Mutator) -> Option<Gc<'gc, T::At<'gc>>> {
        self.queue.check(mutator, "FinalizationQueue::poll");
        let object = self.queue.queues.take_object(self.queue.id)?;
        // SAFETY: only objects of this type are registered with this queue; it was alive until now ([queues.roots]), and a mutator of
        // its heap has it in hand from here on.
        Some(unsafe { Gc::from_address(object) })
    }

    /// Waits until an object can be taken, for `timeout` at most. Another thread may take it first.
    ///
    /// A thread that runs a mutator holds up the collections of its heap while it waits: it waits
    /// inside of [`Mutator::blocked`], or has its mutator parked.
    ///
    /// # Errors
    ///
    /// [`WaitError`].
    ///
    /// A thread that finalizes what the program forgets, as long as the heap exists:
    ///
    /// ```
    /// use gc_core::FinalizationQueue;
    /// use std::{thread, time::Duration};
    ///
    /// let heap = gc_core::Heap::builder().build()?;
    /// let queue = FinalizationQueue::<u64>::new(&heap);
    /// let (finalized, weak) = (queue.clone(), heap.downgrade());
    /// let finalizer = thread::spawn(move || {
    ///     let mut sum = 0;
    ///     while finalized.wait(Duration::MAX).is_ok() {
    ///         let Some(heap) = weak.upgrade() else { break };
    ///         let mut m = heap.attach().expect("this thread has no mutator");
    ///         while let Some(object) = finalized.poll(&m) {
    ///             sum += *object;
    ///             m.safepoint();
    ///         }
    ///     }
    ///     sum
    /// });
    /// let mut m = heap.attach()?;
    /// queue.register(&m, m.alloc(7));
    /// m.collect(gc_core::Collect::Young);
    /// # m.blocked(|| while !queue.is_empty() { thread::yield_now() });
    /// drop((m, heap));
    /// assert_eq!(finalizer.join().unwrap(), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self, timeout: Duration) -> Result<(), WaitError> {
        Ok(self.queue.queues.wait_for_object(self.queue.id, timeout)?)
    }

    /// Returns how many objects wait to be taken.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert_eq!(gc_core::FinalizationQueue::<str>::new(&heap).len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.queues.len(self.queue.id)
    }

    /// Returns whether no object waits to be taken.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert!(gc_core::FinalizationQueue::<str>::new(&heap).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: ?Sized> Clone for FinalizationQueue<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), object: PhantomData }
    }
}

/// As for [`Heap`](crate::Heap): a panic leaves no broken state.
impl<T: ?Sized> core::panic::RefUnwindSafe for FinalizationQueue<T> {}

/// As above.
impl<T: ?Sized> core::panic::UnwindSafe for FinalizationQueue<T> {}

impl<T: ?Sized> fmt::Debug for FinalizationQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.queue.queues.len(self.queue.id);
        write!(f, "FinalizationQueue<{}>({waiting} waiting)", core::any::type_name::<T>())
    }
}
