//! Callbacks for the death of objects, which run where the program says, and `Finalizer`.

use core::{fmt, time::Duration};
use std::{io, panic, process, thread};

use crate::{
    Gc, Heap, Mutator, Root, Weak,
    collector::{attachment, request},
    registered::Queues,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    trace::Object,
};

/// What is called.
type Call = Box<dyn FnOnce(&mut Mutator) + Send>;

/// A callback that waits for the death of an object, or to be run.
struct Callback {
    state: Arc<State>,
}

struct State {
    /// `None` once it was called or detached.
    call: Mutex<Option<Call>>,
    at_shutdown: AtomicBool,
}

impl State {
    /// Calls it, unless it was called or detached. Returns whether it did.
    fn call(&self, mutator: &mut Mutator) -> bool {
        let call = self.call.lock().take();
        call.map(|call| call(mutator)).is_some()
    }
}

/// A callback for the death of an object, with a handle: what Python calls `weakref.finalize`.
///
/// The callback runs once at most: when the object has died and the program calls
/// [`Mutator::run_callbacks`], or has a [`CallbackThread`]; when it is [called](Self::call); or in
/// [`Mutator::shutdown`]. It does not see the object, which is dead. Dropping the handle changes
/// nothing. A callback that owns a [`Root`] of its own object keeps that alive, for ever.
///
/// ```
/// use gc_core::{Collect, Finalizer};
/// use std::sync::mpsc;
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (sender, receiver) = mpsc::channel();
/// let finalizer = Finalizer::new(&m, m.alloc(1), move |_| sender.send("dead").unwrap());
/// assert!(finalizer.is_alive());
/// m.collect(Collect::Young);
/// assert_eq!(m.run_callbacks(), 1);
/// assert_eq!(receiver.recv()?, "dead");
/// assert!(!finalizer.is_alive());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Finalizer<T: Object + ?Sized + 'static> {
    state: Arc<State>,
    object: Root<Weak<'static, T>>,
}

impl<T: Object + ?Sized + 'static> Finalizer<T> {
    /// Has `callback` run some time after the object has died.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let finalizer = gc_core::Finalizer::new(&m, m.alloc(1), |_| println!("it has died"));
    /// # let _ = finalizer;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new<'gc, U: Object<Static = T, At<'gc> = U> + ?Sized>(
        mutator: &'gc Mutator,
        object: Gc<'gc, U>,
        callback: impl FnOnce(&mut Mutator) + Send + 'static,
    ) -> Self {
        let root = mutator.root(Gc::downgrade(object, mutator));
        Self { state: mutator.add_callback(object, Box::new(callback), true), object: root }
    }

    /// Returns whether the callback is still to run.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let finalizer = gc_core::Finalizer::new(&m, m.alloc(1), |_| ());
    /// assert!(finalizer.is_alive());
    /// finalizer.call(&mut m);
    /// assert!(!finalizer.is_alive());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.state.call.lock().is_some()
    }

    /// Returns the object, if it is alive and the callback still to run.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let finalizer = gc_core::Finalizer::new(&m, m.alloc(1), |_| ());
    /// assert_eq!(finalizer.peek(&m).as_deref(), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn peek<'gc>(&self, mutator: &'gc Mutator) -> Option<Gc<'gc, T::At<'gc>>> {
        let object = self.object.get(mutator).upgrade(mutator)?;
        self.is_alive().then_some(object)
    }

    /// Gives the callback up: it does not run. Returns the object, if it is alive and the callback
    /// was still to run.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let finalizer = gc_core::Finalizer::new(&m, m.alloc(1), |_| unreachable!());
    /// assert!(finalizer.detach(&m).is_some() && finalizer.detach(&m).is_none());
    /// m.collect(gc_core::Collect::Young);
    /// m.run_callbacks();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn detach<'gc>(&self, mutator: &'gc Mutator) -> Option<Gc<'gc, T::At<'gc>>> {
        let object = self.object.get(mutator).upgrade(mutator);
        let call = self.state.call.lock().take();
        object.filter(|_| call.is_some())
    }

    /// Runs the callback now, unless it has run. Returns whether it did.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let finalizer = gc_core::Finalizer::new(&m, m.alloc(1), |_| ());
    /// assert!(finalizer.call(&mut m) && !finalizer.call(&mut m));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call(&self, mutator: &mut Mutator) -> bool {
        self.state.call(mutator)
    }

    /// Sets whether [`Mutator::shutdown`] runs the callback if the object is alive. It does unless
    /// this says otherwise.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let object = m.root(m.alloc(1));
    /// let finalizer = gc_core::Finalizer::new(&m, object.get(&m), |_| unreachable!());
    /// finalizer.at_shutdown(false);
    /// m.shutdown();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn at_shutdown(&self, runs: bool) {
        // Relaxed: a flag of its own.
        self.state.at_shutdown.store(runs, Ordering::Relaxed);
    }
}

/// As for [`Heap`](crate::Heap): a panic leaves no broken state.
impl<T: Object + ?Sized + 'static> core::panic::RefUnwindSafe for Finalizer<T> {}

/// As above.
impl<T: Object + ?Sized + 'static> core::panic::UnwindSafe for Finalizer<T> {}

impl<T: Object + ?Sized + 'static> fmt::Debug for Finalizer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Finalizer<{}>(alive: {})", core::any::type_name::<T>(), self.is_alive())
    }
}

impl Mutator {
    fn add_callback<'gc, T: Object + ?Sized>(
        &'gc self,
        object: Gc<'gc, T>,
        call: Call,
        at_shutdown: bool,
    ) -> Arc<State> {
        let state = Arc::new(State { call: Mutex::new(Some(call)), at_shutdown: AtomicBool::new(at_shutdown) });
        let callbacks = self.local().collector.registered.callbacks;
        self.watch(object, callbacks, Box::new(Callback { state: state.clone() }));
        state
    }

    /// Has `callback` run some time after the object has died: a [`Finalizer`] without a handle,
    /// which [`shutdown`](Self::shutdown) does not run for an object that is alive.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// m.on_death(m.alloc(1), move |_| sender.send(()).unwrap());
    /// m.collect(gc_core::Collect::Young);
    /// m.run_callbacks();
    /// receiver.recv()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_death<'gc, T: Object + ?Sized>(
        &'gc self,
        object: Gc<'gc, T>,
        callback: impl FnOnce(&mut Self) + Send + 'static,
    ) {
        self.add_callback(object, Box::new(callback), false);
    }

    /// Runs the callbacks that are due. Returns how many it ran.
    ///
    /// They run on this thread, one after the other, in no particular order, with a safepoint
    /// before each.
    ///
    /// # Panics
    ///
    /// If a callback does: the panic goes on from here, and the next call runs those that are left.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// assert_eq!(m.run_callbacks(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn run_callbacks(&mut self) -> usize {
        let table = &self.local().collector.registered;
        let (queues, callbacks) = (table.queues.clone(), table.callbacks);
        let mut ran = 0;
        while let Ok(notice) = queues.take_news(callbacks, Duration::ZERO) {
            self.safepoint();
            let callback: Box<Callback> = notice.downcast().expect("a callback");
            ran += usize::from(callback.state.call(self));
        }
        ran
    }

    /// Prepares the end of the heap: hands every object to its queues that is registered to be
    /// finalized, dead or alive, and runs the callbacks that are due and those of [`Finalizer`]s.
    /// Returns how many callbacks it ran. The program then takes the objects from its queues.
    ///
    /// Without this, objects that are registered when the heap ends go as all others: their values
    /// are dropped.
    ///
    /// ```
    /// use gc_core::FinalizationQueue;
    ///
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let closing = FinalizationQueue::<u64>::new(&heap);
    /// let kept = m.root(m.alloc(7_u64));
    /// closing.register(&m, kept.get(&m));
    /// m.shutdown();
    /// assert_eq!(closing.poll(&m).as_deref(), Some(&7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn shutdown(&mut self) -> usize {
        let mut ran = self.run_callbacks();
        // What old objects were found dead, but are neither told of nor handed over, is so afterwards.
        request::end_clearing(self.local());
        let mut calls = Vec::new();
        {
            let local = self.local();
            let (table, generations) = (&local.collector.registered, local.collector.generations());
            table.with_extras(|object, extras| {
                // Nothing is being cleared, except in a heap that is not collected any more.
                if !local.barrier.reach(object) {
                    return;
                }
                for queue in extras.finalizers.drain(..) {
                    table.queues.hand_over(queue, object, generations);
                }
                let callbacks = extras.watchers.iter().filter(|watcher| watcher.queue == table.callbacks);
                let callbacks = callbacks.filter_map(|watcher| watcher.notice.downcast_ref::<Callback>());
                // Relaxed: a flag of its own.
                let at_shutdown = callbacks.filter(|callback| callback.state.at_shutdown.load(Ordering::Relaxed));
                calls.extend(at_shutdown.map(|callback| callback.state.clone()));
            });
        }
        self.local().collector.registered.queues.announce();
        ran += self.run_callbacks();
        for state in calls {
            self.safepoint();
            ran += usize::from(state.call(self));
        }
        ran
    }
}

/// A thread that runs callbacks as they become due, with a mutator of its own: made by
/// [`Heap::spawn_callbacks`].
///
/// It does not keep the heap alive. Dropping this ends the thread, after the callback that it is
/// running, and waits for that, unless the thread that drops it runs a mutator: the callback may
/// need a collection, which would wait for that. In the child of a fork the thread is gone; the
/// child may start another one.
#[must_use = "the thread ends when this is dropped"]
pub struct CallbackThread {
    stop: Arc<Stop>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Stop {
    /// The process whose thread it is.
    process: u32,
    queues: Arc<Queues>,
    asked: AtomicBool,
}

impl Heap {
    /// Starts a thread that runs callbacks as they become due. A callback that panics ends as the
    /// panic hook has reported it, and the thread goes on.
    ///
    /// # Errors
    ///
    /// The system's, if it refuses a thread.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let callbacks = heap.spawn_callbacks()?;
    /// let mut m = heap.attach()?;
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// m.on_death(m.alloc(1), move |_| sender.send(()).unwrap());
    /// m.collect(gc_core::Collect::Young);
    /// m.blocked(|| receiver.recv())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn_callbacks(&self) -> io::Result<CallbackThread> {
        let table = &self.collector().registered;
        let (callbacks, heap) = (table.callbacks, self.downgrade());
        let stop =
            Arc::new(Stop { process: process::id(), queues: table.queues.clone(), asked: AtomicBool::new(false) });
        let asked = stop.clone();
        let thread = thread::Builder::new().name("gc-core callbacks".to_owned()).spawn(move || {
            // Relaxed: the queues' lock orders it.
            while asked.queues.wait_for_news_or(callbacks, || asked.asked.load(Ordering::Relaxed)) {
                let Some(heap) = heap.upgrade() else { return };
                let Ok(mut m) = heap.attach() else { return };
                drop(heap);
                let run = panic::AssertUnwindSafe(|| m.run_callbacks());
                if let Err(payload) = panic::catch_unwind(run) {
                    // Its destructor may panic, too.
                    core::mem::forget(payload);
                }
            }
        })?;
        Ok(CallbackThread { stop, thread: Some(thread) })
    }
}

impl Drop for CallbackThread {
    fn drop(&mut self) {
        // Relaxed: as above.
        self.stop.asked.store(true, Ordering::Relaxed);
        self.stop.queues.wake();
        let Some(thread) = self.thread.take() else { return };
        if self.stop.process != process::id() {
            // There is no such thread in the child of a fork, neither to be joined nor to be detached.
            core::mem::forget(thread);
        } else if attachment::current().is_null() && thread.thread().id() != thread::current().id() {
            let _ = thread.join();
        }
    }
}

/// As for [`Heap`](crate::Heap): a panic leaves no broken state.
impl core::panic::RefUnwindSafe for CallbackThread {}

/// As above.
impl core::panic::UnwindSafe for CallbackThread {}

impl fmt::Debug for CallbackThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackThread")
    }
}
