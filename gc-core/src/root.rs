//! `Root`: keeps a traced value across safepoints.
//!
//! One word: the slot of a table of the heap (`collector::roots`). A value of up to a word lies in the slot; a larger
//! one, or one that needs dropping, in memory of its own.

use core::{fmt, marker::PhantomData, mem};

use crate::{
    Gc, Mutator,
    collector::{describe::Describe, local, nested_roots, roots::RootRef},
    trace::{Object, Trace, Visitor},
};

/// A traced value that stays alive across safepoints, `Send + Sync`: one pointer, or the whole state of a virtual machine.
///
/// `T` is written at `'static` (`Root<Gc<'static, Node<'static>>>`), which names the type and promises nothing: access takes the
/// mutator and gives the value with the mutator's lifetime.
///
/// A root may be shared between threads, and dropped on any thread at any time, attached or not. It keeps its heap
/// alive.
///
/// A value of up to a word without a destructor, as a pointer, lies in a table: creating and dropping the root on its
/// mutator's thread costs a few instructions. Anything else has memory of its own. Elsewhere a drop is one atomic store
/// and one decrement, and the value goes after the next collection; where no thread is attached to the heap, at once, on the heap's own thread.
/// Each pause looks at every root. Roots in the value of another root go with it, one after the other: a long chain takes no deep stack.
///
/// A root in an object of its own heap is a leak of that heap: each keeps the other.
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

// SAFETY: without a mutator of its heap a root gives no access to the value; with one, its thread is that mutator's.
// Leaves inside are `Send + Sync`, pointers are followed on an attached thread only. Dropping is safe anywhere (T1 to T4 of `roots`).
unsafe impl<T: Trace> Send for Root<T> {}
// SAFETY: as above: `&Root` gives `&T` to attached threads, and what is in `T` is `Sync` or guards itself.
unsafe impl<T: Trace> Sync for Root<T> {}

impl Mutator {
    /// Keeps `value` alive across safepoints. What it costs is said at [`Root`].
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
            // SAFETY: the slot has room for a value of up to a word.
            local.roots.inline(local, Describe::<T>::SIZED, |place| unsafe { place.cast::<T>().write(value) })
        } else {
            // SAFETY: memory for a value of this type.
            local.roots.boxed(local, Describe::<T>::SIZED, |place| unsafe { place.cast::<T>().write(value) })
        };
        Root { slot: RootRef::new(slot), value: PhantomData }
    }
}

/// Whether a value lies in the slot. The same for a type under every lifetime.
const fn is_inline<T>() -> bool {
    size_of::<T>() <= size_of::<usize>() && align_of::<T>() <= align_of::<usize>() && !mem::needs_drop::<T>()
}

impl<T: Trace> Root<T> {
    /// The place of the value, for a mutator of the right heap.
    #[inline(always)]
    fn place<'gc>(&self, mutator: &'gc Mutator) -> *mut T::At<'gc> {
        if self.slot.heap() != mutator.identity() {
            wrong_heap(core::any::type_name::<T>());
        }
        if is_inline::<T>() { self.slot.inline_value().cast() } else { self.slot.boxed_value().cast() }
    }

    /// A copy of the value: for roots of one pointer. A few loads and a comparison.
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
        // SAFETY: the value is alive as long as the root, of type `T::At<'gc>` for this mutator (I1 of `trace`), and
        // nobody has a `&mut` to it: that would borrow the root exclusively.
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

    /// Borrows the value exclusively. Writes to it need no barrier, as each pause looks at every root.
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

    /// Replaces the value. What was there is dropped now, on this thread.
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
        // SAFETY: as for `get_mut`. What was there is dropped after the new value is in place.
        drop(unsafe { self.place(mutator).replace(value) });
    }

    /// Another root of the same value, filed with the mutator that is passed.
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
    /// Whether both roots hold the same object.
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
            self.slot.release_inline(local::current());
        } else {
            self.drop_boxed();
        }
    }
}

impl<T: Trace> Root<T> {
    #[inline(never)]
    fn drop_boxed(&mut self) {
        let current = local::current();
        if let Some(boxed) = self.slot.release_boxed(current) {
            // SAFETY: the mutator that the root was filed with, which this thread runs. A destructor may end it: hence the clone.
            let shared = unsafe { &*current }.shared.clone();
            // SAFETY: the value of this root, which was unlinked just now: nobody else has it.
            unsafe { nested_roots::drop_value(shared, boxed) };
        }
    }
}

/// The type's name: reading takes the mutator.
impl<T: Trace> fmt::Debug for Root<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root<{}>", core::any::type_name::<T>())
    }
}

// SAFETY: a leaf: `'static + Send + Sync`, reported by its own table. One in an object of its own heap leaks that heap.
unsafe impl<T: Trace + 'static> Trace for Root<T> {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = false;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(_: *mut Self, _: &mut V) {}
}

// SAFETY: a leaf, as `Root`.
unsafe impl Trace for crate::Heap {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = false;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(_: *mut Self, _: &mut V) {}
}
