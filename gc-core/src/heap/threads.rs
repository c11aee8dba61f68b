//! Threads that have a mutator: `Heap::spawn` and `Heap::scope`.

use std::{
    io,
    panic::resume_unwind,
    thread::{self, JoinHandle, ScopedJoinHandle},
};

use crate::mutator::{EnterError, Mutator};

use super::Heap;

/// Starts threads that may borrow from the caller of [`Heap::scope`], each with a mutator of its
/// own.
///
/// It is `Clone + Send + Sync`: a thread may start more of them.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// let words = ["one", "two"];
/// let lengths = heap.scope(|scope| -> std::io::Result<Vec<usize>> {
///     let count = |word: &'static str| scope.spawn(move |m| m.alloc_str(word).len());
///     let threads = words.map(count);
///     threads.into_iter().map(|thread| Ok(thread?.join().unwrap())).collect()
/// })??;
/// assert_eq!(lengths, [3, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    scope: &'scope thread::Scope<'scope, 'env>,
    heap: Heap,
}

impl Heap {
    /// Starts a thread that attaches and runs `body` with its mutator, which is detached when
    /// `body` returns or panics.
    ///
    /// Returns std's handle. A thread that has a mutator joins it by
    /// [`blocking::join`](crate::blocking::join), so that it delays no collection. The new thread
    /// attaches on its own time: this waits for nothing. It has no name, as those of
    /// [`std::thread::spawn`]; [`spawn_as`](Self::spawn_as) gives it one, by which warnings and
    /// errors call it ([`Event::Late`](crate::Event::Late)).
    ///
    /// If too many mutators are attached, `body` is not called, and joining returns the
    /// [`AttachError`](crate::AttachError) as what the thread panicked with.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let worker = heap.spawn(|m| m.root(m.alloc_str("made there")))?;
    /// let root = gc_core::blocking::join(&mut m, worker).unwrap();
    /// assert_eq!(&*root.get(&m), "made there");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut Mutator) -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        self.spawn_as(thread::Builder::new(), body)
    }

    /// Starts a thread as [`spawn`](Self::spawn) does, with a name or a stack size.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let loader = std::thread::Builder::new().name("loader".into());
    /// let worker = heap.spawn_as(loader, |_| std::thread::current().name().map(str::to_owned))?;
    /// assert_eq!(worker.join().unwrap().as_deref(), Some("loader"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn_as<T: Send + 'static>(
        &self,
        thread: thread::Builder,
        body: impl FnOnce(&mut Mutator) -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let heap = self.clone();
        thread.spawn(move || attached(&heap, body))
    }

    /// Runs `body` with a [`Scope`] whose threads have a mutator each and may borrow from this
    /// thread, as [`std::thread::scope`] does. Waits for all of them.
    ///
    /// For a thread that runs no mutator. One that does calls [`Mutator::scope`].
    ///
    /// # Errors
    ///
    /// If this thread runs a mutator: [`EnterError::Running`]. It would delay the collections of
    /// the threads that it waits for.
    ///
    /// # Panics
    ///
    /// If a thread panicked that `body` did not join.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let shared = heap.with(|m| m.root(m.alloc_str("seen by all")))?;
    /// heap.scope(|scope| {
    ///     for _ in 0..2 {
    ///         scope.spawn(|m| assert_eq!(&*shared.get(m), "seen by all")).unwrap();
    ///     }
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scope<'env, R>(&self, body: impl for<'scope> FnOnce(&Scope<'scope, 'env>) -> R) -> Result<R, EnterError> {
        if !crate::collector::attachment::current().is_null() {
            return Err(EnterError::Running);
        }
        Ok(thread::scope(|scope| body(&Scope { scope, heap: self.clone() })))
    }
}

impl Mutator {
    /// Runs `body` as [`Heap::scope`] does. This mutator is [blocked](Self::blocked) until all
    /// threads of the scope have ended: `body` may join them, and enters the heap by
    /// [`Heap::with`].
    ///
    /// # Panics
    ///
    /// If a thread panicked that `body` did not join.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let shared = m.root(m.alloc_str("seen by all"));
    /// m.scope(|scope| {
    ///     for _ in 0..2 {
    ///         scope.spawn(|m| assert_eq!(&*shared.get(m), "seen by all")).unwrap();
    ///     }
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn scope<'env, R>(&mut self, body: impl for<'scope> FnOnce(&Scope<'scope, 'env>) -> R) -> R {
        let heap = self.heap();
        self.blocked(|| thread::scope(|scope| body(&Scope { scope, heap })))
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread of the scope, which attaches and runs `body` with its mutator: see
    /// [`Heap::spawn`].
    ///
    /// A thread that runs a mutator joins it inside of [`Mutator::blocked`].
    ///
    /// # Errors
    ///
    /// If the system refuses a thread.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let sum = heap.scope(|scope| {
    ///     let inner = scope.clone();
    ///     let outer = scope.spawn(move |m| {
    ///         let one = *m.alloc(1);
    ///         let other = inner.spawn(|m| *m.alloc(2)).unwrap();
    ///         one + m.blocked(|| other.join()).unwrap()
    ///     });
    ///     outer.unwrap().join().unwrap()
    /// })?;
    /// assert_eq!(sum, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn<T: Send + 'scope>(
        &self,
        body: impl FnOnce(&mut Mutator) -> T + Send + 'scope,
    ) -> io::Result<ScopedJoinHandle<'scope, T>> {
        self.spawn_as(thread::Builder::new(), body)
    }

    /// Starts a thread as [`spawn`](Self::spawn) does, with a name or a stack size.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let name = heap.scope(|scope| {
    ///     let walker = std::thread::Builder::new().name("walker".into());
    ///     let thread = scope.spawn_as(walker, |_| std::thread::current().name().map(str::to_owned));
    ///     thread.unwrap().join().unwrap()
    /// })?;
    /// assert_eq!(name.as_deref(), Some("walker"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn_as<T: Send + 'scope>(
        &self,
        thread: thread::Builder,
        body: impl FnOnce(&mut Mutator) -> T + Send + 'scope,
    ) -> io::Result<ScopedJoinHandle<'scope, T>> {
        let heap = self.heap.clone();
        thread.spawn_scoped(self.scope, move || attached(&heap, body))
    }
}

/// Runs `body` with a mutator, on a thread that was started for it.
fn attached<T>(heap: &Heap, body: impl FnOnce(&mut Mutator) -> T) -> T {
    match heap.attach() {
        Ok(mut mutator) => body(&mut mutator),
        Err(error) => resume_unwind(Box::new(error)),
    }
}
