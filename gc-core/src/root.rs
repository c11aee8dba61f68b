//! `Root`: keeps a traced value across safepoints.
//!
//! A root is one word: the address of a slot in a root table (`roots`). A value of up to a word lies in the slot. A larger value,
//! or one that needs dropping, lies in memory of its own.

use core::{fmt, marker::PhantomData, mem};

use crate::{
    Gc, Mutator,
    collector::{attachment, nested_roots, type_info::TypeInfoOf},
    roots::{RootRef, aside},
    trace::{Object, Trace, Visitor},
};

/// A traced value that stays alive across safepoints, `Send + Sync`: one pointer, or the whole state of a virtual machine.
///
/// `T` is written at `'static` (`Root<Gc<'static, Node<'static>>>`), which names the type and promises nothing: access takes the
/// mutator, and returns the value with the mutator's lifetime.
///
/// A root may be shared between threads. It may be dropped on any thread at any time, attached or not. It keeps its heap
/// alive.
///
/// A value of up to a word without a destructor, such as a pointer, lies in a table: on its mutator's thread, creating and
/// dropping the root costs a few instructions. Any other value has memory of its own. On another thread a drop costs one atomic
/// store and one decrement, and the value is dropped after the next collection; if the heap has no handle and no mutator any more, at
/// once, on a thread of the heap. Each pause scans every root. If the value of a root holds roots, they are dropped after it, one after
/// the other: a long chain takes no deep stack.
///
/// A root in an object of its own heap leaks that heap: each keeps the other alive. For handles there is [`WeakHeap`](crate::WeakHeap).
///
/// ```
/// use gc_core::{Gc, Root};
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let root: Root<Gc<'static, str>> = m.root(m.alloc_str("still here"));
/// m.collect(gc_core::Generation::Old);
/// assert_eq!(&*root.get(&m), "still here");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// Every access with a mutator of another heap panics.
pub struct Root<T: Trace> {
    slot: RootRef,
    value: PhantomData<fn(T) -> T>,
}

// SAFETY: a root gives access to its value only to a thread that has a mutator of its heap. Leaves inside the value are
// `Send + Sync`, and its pointers are followed on attached threads only. Dropping is safe on any thread ([roots.owner] to
// [roots.boxed-freed]).
unsafe impl<T: Trace> Send for Root<T> {}
// SAFETY: as above. `&Root` gives `&T` to attached threads, and everything in `T` is `Sync` or guards itself.
unsafe impl<T: Trace> Sync for Root<T> {}

impl Mutator {
    /// Keeps `value` alive across safepoints. See [`Root`] for the cost.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// // The state of a virtual machine, as one root.
    /// let mut stack = m.root(Vec::<gc_core::Gc<u64>>::new());
    /// for i in 0..3 {
    ///     stack.get_mut(&m).push(m.alloc(i));
    ///     m.safepoint();
    /// }
    /// assert_eq!(stack.borrow(&m).iter().map(|n| **n).sum::<u64>(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn root<'gc, T: Trace<At<'gc> = T> + 'gc>(&'gc self, value: T) -> Root<T::Static> {
        let local = self.local();
        let slot = if is_inline::<T>() {
            // SAFETY: `place` is a slot of one word, and the value is at most a word, with an alignment of at most a word.
            local.roots.inline(self.owner(), TypeInfoOf::<T>::SIZED, |place| unsafe { place.cast::<T>().write(value) })
        } else {
            // SAFETY: `place` is memory with the layout of a value of this type.
            local.roots.boxed(self.owner(), TypeInfoOf::<T>::SIZED, |place| unsafe { place.cast::<T>().write(value) })
        };
        Root { slot: RootRef::new(slot), value: PhantomData }
    }
}

/// Returns whether a value lies in the slot. The result is the same for a type under every lifetime.
const fn is_inline<T>() -> bool {
    size_of::<T>() <= size_of::<usize>() && align_of::<T>() <= align_of::<usize>() && !mem::needs_drop::<T>()
}

impl<T: Trace> Root<T> {
    /// Returns where the value lies. Panics if `mutator` is another heap's.
    #[inline(always)]
    fn place<'gc>(&self, mutator: &'gc Mutator) -> *mut T::At<'gc> {
        if self.slot.heap() != mutator.identity() {
            wrong_heap(core::any::type_name::<T>());
        }
        if is_inline::<T>() { self.slot.inline_value().cast() } else { self.slot.boxed_value().cast() }
    }

    /// Returns a copy of the value: for roots of one pointer. Costs a few loads and a comparison.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let root = m.root(m.alloc(1));
    /// m.safepoint();
    /// assert_eq!(*root.get(&m), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn get<'gc>(&self, mutator: &'gc Mutator) -> T::At<'gc>
    where
        T::At<'gc>: Copy,
    {
        // SAFETY: the value lives as long as the root, and is a `T::At<'gc>` for this mutator ([trace.layout]). No `&mut` to it
        // exists: that would borrow the root exclusively.
        unsafe { *self.place(mutator) }
    }

    /// Borrows the value, until the next safepoint at most.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let root = m.root(vec![m.alloc(1), m.alloc(2)]);
    /// m.safepoint();
    /// assert_eq!(root.borrow(&m).len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn borrow<'gc>(&'gc self, mutator: &'gc Mutator) -> &'gc T::At<'gc> {
        // SAFETY: as for `get`; the value stays where it is for as long as the root does.
        unsafe { &*self.place(mutator) }
    }

    /// Borrows the value exclusively. Writes to it need no barrier, as each pause scans every root.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let mut root = m.root(vec![m.alloc(1)]);
    /// m.safepoint();
    /// root.get_mut(&m).push(m.alloc(2));
    /// assert_eq!(root.borrow(&m).len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn get_mut<'gc>(&'gc mut self, mutator: &'gc Mutator) -> &'gc mut T::At<'gc> {
        // SAFETY: as for `borrow`; the root is borrowed exclusively.
        unsafe { &mut *self.place(mutator) }
    }

    /// Replaces the value. The old value is dropped now, on this thread.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let mut root = m.root(m.alloc(1));
    /// m.safepoint();
    /// root.set(&m, m.alloc(2));
    /// assert_eq!(*root.get(&m), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn set<'gc>(&mut self, mutator: &'gc Mutator, value: T::At<'gc>) {
        // SAFETY: as for `get_mut`. The old value is dropped after the new one is in place.
        drop(unsafe { self.place(mutator).replace(value) });
    }

    /// Returns another root of the same value, in the root table of `mutator`.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let a = m.root(m.alloc(1));
    /// let b = a.clone_in(&m);
    /// assert!(gc_core::Gc::ptr_eq(a.get(&m), b.get(&m)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn clone_in<'gc>(&'gc self, mutator: &'gc Mutator) -> Root<T::Static>
    where
        T::At<'gc>: Clone,
    {
        mutator.root::<T::At<'gc>>(self.borrow(mutator).clone())
    }
}

impl<T: Object + ?Sized> Root<Gc<'static, T>> {
    /// Returns whether both roots hold the same object.
    ///
    /// # Panics
    ///
    /// If `mutator` is another heap's.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let one = m.alloc(1);
    /// assert!(m.root(one).ptr_eq(&m.root(one), &m));
    /// assert!(!m.root(one).ptr_eq(&m.root(m.alloc(1)), &m));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn ptr_eq(&self, other: &Self, mutator: &Mutator) -> bool {
        Gc::ptr_eq(self.get(mutator), other.get(mutator))
    }
}

#[cold]
#[inline(never)]
fn wrong_heap(name: &'static str) -> ! {
    panic!("Root<{name}>: expected a mutator of the root's own heap, found one of another heap")
}

impl<T: Trace> Drop for Root<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if is_inline::<T>() {
            self.slot.release_inline(attachment::current().cast());
        } else {
            self.drop_boxed();
        }
    }
}

impl<T: Trace> Root<T> {
    #[inline(never)]
    fn drop_boxed(&mut self) {
        let current = attachment::current();
        if let Some(boxed) = self.slot.release_boxed(current.cast()) {
            // SAFETY: `release_boxed` has returned a value, so `current` is the mutator of the root, and this thread runs it. A
            // destructor may detach it: hence the clone.
            let collector = unsafe { &*current }.collector.clone();
            // SAFETY: the value of this root, whose slot was freed just now: nothing else refers to the value.
            unsafe { nested_roots::drop_value(collector, boxed) };
        } else if !aside::put_aside(self.slot) {
            self.slot.release_boxed_elsewhere();
        }
    }
}

/// Prints the type only, as reading takes the mutator.
impl<T: Trace> fmt::Debug for Root<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root<{}>", core::any::type_name::<T>())
    }
}

// SAFETY: a leaf: `'static + Send + Sync`; its own table reports the value. A root in an object of its own heap leaks that heap.
unsafe impl<T: Trace + 'static> Trace for Root<T> {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = false;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(_: *mut Self, _: &mut V) {}
}

// SAFETY: a leaf: `'static + Send + Sync`, and without pointers into a heap.
unsafe impl Trace for crate::Heap {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = false;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(_: *mut Self, _: &mut V) {}
}
