//! `Root`: keeps a traced value across safepoints.
//!
//! A root is one word: the address of a slot in a chunk of slots (`roots`). A value of up to a word
//! lies in the slot. A larger value, or one that needs dropping, lies in memory of its own.

mod copy_in;

use core::{fmt, marker::PhantomData, mem, panic::Location, ptr};

use crate::{
    Gc, Mutator,
    collector::{attachment, nested_roots, type_info::TypeInfoOf},
    roots::{RootRef, aside},
    sync::{Arc, mutant},
    trace::{Object, Trace, nothing_to_trace},
};

/// A traced value that stays alive across safepoints, `Send + Sync`: one pointer, or the whole
/// state of a virtual machine.
///
/// `T` is written at `'static` (`Root<Gc<'static, Node<'static>>>`), which names the type and
/// promises nothing: access takes the mutator, and returns the value with the mutator's lifetime.
///
/// A root may be shared between threads. It may be dropped on any thread at any time, attached or
/// not. It keeps its heap alive.
///
/// A value of up to a word without a destructor, such as a pointer, lies in a table: on its
/// mutator's thread, creating and dropping the root costs a few instructions. Any other value has
/// memory of its own. On another thread a drop costs one compare-and-exchange. The value is dropped
/// at once by a thread that has a mutator of the heap, otherwise after the next collection; where
/// much is dropped like that, it asks for one. If the heap has no handle and no mutator any more,
/// it is dropped at once, on a thread of the heap. If the value of a root holds roots, they are
/// dropped after it, one after the other: a long chain takes no deep stack.
///
/// A young collection looks at the roots that were made or written in the last two, at those beside
/// them in memory, and at those whose values have a [`Slot`](crate::Slot) or a
/// [`GcCell`](crate::GcCell). It does not look at others, however many there are.
///
/// A root in an object that lives only by that very root, or by a cycle of such, is never dropped,
/// and keeps its heap: see [`Event::HeldByRoots`](crate::Event::HeldByRoots). For handles there is
/// [`WeakHeap`](crate::WeakHeap).
///
/// ```
/// use gc_core::{Gc, Root};
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let root: Root<Gc<'static, str>> = m.root(m.alloc_str("still here"));
/// m.collect(gc_core::Collect::Full);
/// assert_eq!(&*root.get(&m), "still here");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// Every access with a mutator of another heap panics.
#[doc(alias("handle", "persistent"))]
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
    #[track_caller]
    #[must_use = "the value is kept alive until the root is dropped"]
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

/// Returns whether a value lies in the slot. The result is the same for a type under every
/// lifetime.
const fn is_inline<T>() -> bool {
    size_of::<T>() <= size_of::<usize>() && align_of::<T>() <= align_of::<usize>() && !mem::needs_drop::<T>()
}

/// A [`Root`] of one object: `Rooted<Node<'static>>` is a `Root<Gc<'static, Node<'static>>>`.
///
/// ```
/// use gc_core::{Heap, Root, Rooted, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     next: Slot<'gc, Node<'gc>>,
/// }
///
/// /// What lives outside the heap names it through roots, and has no lifetime.
/// struct Server {
///     first: Rooted<Node<'static>>,
///     name: Rooted<str>,
/// }
///
/// let heap = Heap::builder().build()?;
/// let m = heap.attach()?;
/// let server = Server {
///     first: m.root(m.alloc(Node { next: Slot::null() })),
///     name: m.root(m.alloc_str("one")),
/// };
/// assert!(server.first.get(&m).next.get().is_none() && &*server.name.get(&m) == "one");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Rooted<T> = Root<Gc<'static, T>>;

impl<T: Trace<Static = T>> Root<T> {
    /// Keeps `value` alive across safepoints, as [`Mutator::root`] does. The type of the root says
    /// that of the value, where the compiler would not find it:
    ///
    /// ```
    /// use gc_core::{Heap, Root, Rooted, Slot, Trace};
    ///
    /// #[derive(Trace)]
    /// struct Node<'gc> {
    ///     next: Slot<'gc, Node<'gc>>,
    /// }
    ///
    /// struct Table {
    ///     nodes: Rooted<[Slot<'static, Node<'static>>]>,
    /// }
    ///
    /// let heap = Heap::builder().build()?;
    /// let m = heap.attach()?;
    /// let table = Table { nodes: Root::new(&m, m.alloc_slice_with(8, |_| Slot::null())) };
    /// assert_eq!(table.nodes.get(&m).len(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    #[must_use = "the value is kept alive until the root is dropped"]
    pub fn new<'gc>(mutator: &'gc Mutator, value: T::At<'gc>) -> Self {
        mutator.root::<T::At<'gc>>(value)
    }
}

impl<T: Trace> Root<T> {
    /// Returns where the root was made, if that was tracked.
    pub(crate) fn place_of_making(&self) -> Option<&'static Location<'static>> {
        self.slot.place_of_making()
    }

    /// Returns where the value lies. Panics if `mutator` is another heap's.
    #[inline(always)]
    #[track_caller]
    fn place<'gc>(&self, mutator: &'gc Mutator) -> *mut T::At<'gc> {
        if self.slot.heap() != mutator.identity() {
            wrong_heap(core::any::type_name::<T>());
        }
        if is_inline::<T>() { self.slot.inline_value().cast() } else { self.slot.boxed_value().cast() }
    }

    /// Does the same for a value that may be written before the next safepoint: the next pause
    /// looks at it.
    #[inline(always)]
    #[track_caller]
    fn place_to_write<'gc>(&self, mutator: &'gc Mutator) -> *mut T::At<'gc> {
        let place = self.place(mutator);
        if T::HAS_GC && !mutant::ROOT_IS_WRITTEN_UNSEEN.is_planted() {
            self.slot.before_write(&mutator.local().roots);
        }
        place
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
    #[track_caller]
    #[must_use]
    pub fn get<'gc>(&self, mutator: &'gc Mutator) -> T::At<'gc>
    where
        T::At<'gc>: Copy,
    {
        // SAFETY: the value lives as long as the root, and is a `T::At<'gc>` for this mutator ([trace.layout]). No `&mut` to it
        // exists: that would borrow the root exclusively.
        unsafe { *self.place(mutator) }
    }

    /// Borrows the value, until the next safepoint at most. A pointer that is copied out of it
    /// lives until then, whatever becomes of the root.
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
    #[track_caller]
    #[must_use]
    pub fn borrow<'a, 'gc: 'a>(&'a self, mutator: &'gc Mutator) -> &'a T::At<'gc> {
        // SAFETY: as for `get`; the value stays where it is for as long as the root does.
        unsafe { &*self.place(mutator) }
    }

    /// Borrows the value exclusively. Writes to it need no barrier: the next young collection looks
    /// at the root. Costs three instructions more than `borrow`, and the first time since a
    /// collection some tens.
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
    /// let last = root.get_mut(&m).pop();
    /// root.get_mut(&m).clear(); // what was taken out is still there
    /// assert_eq!(last.as_deref(), Some(&2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn get_mut<'a, 'gc: 'a>(&'a mut self, mutator: &'gc Mutator) -> &'a mut T::At<'gc> {
        let place = self.place_to_write(mutator);
        // SAFETY: as for `borrow`; the root is borrowed exclusively.
        unsafe { &mut *place }
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
    #[track_caller]
    pub fn set<'gc>(&mut self, mutator: &'gc Mutator, value: T::At<'gc>) {
        // SAFETY: as for `get_mut`. The old value is dropped after the new one is in place.
        drop(unsafe { self.place_to_write(mutator).replace(value) });
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
    #[track_caller]
    #[must_use = "the value is kept alive until the root is dropped"]
    pub fn clone_in<'gc>(&self, mutator: &'gc Mutator) -> Root<T::Static>
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
    #[track_caller]
    #[must_use]
    pub fn ptr_eq(&self, other: &Self, mutator: &Mutator) -> bool {
        Gc::ptr_eq(self.get(mutator), other.get(mutator))
    }
}

#[cold]
#[inline(never)]
#[track_caller]
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
        // SAFETY: the attachment that this thread runs, if any ([attachment.current]).
        if let Some(local) = unsafe { current.as_ref() }
            && ptr::eq(Arc::as_ptr(&local.collector).cast(), self.slot.heap())
        {
            let (value, given_up) = self.slot.take_boxed(current.cast(), &local.roots);
            // A destructor may detach the mutator: hence the clone.
            let collector = local.collector.clone();
            // SAFETY: the value of this root, which was taken out just now: nothing else refers to it.
            unsafe { nested_roots::drop_value(collector, value) };
            drop(given_up);
        } else if !aside::put_aside(self.slot) {
            self.slot.leave_boxed();
        }
    }
}

/// Prints the type only, as reading takes the mutator.
/// As a `Box` of the value.
impl<T: Trace + core::panic::RefUnwindSafe> core::panic::RefUnwindSafe for Root<T> {}

/// As a `Box` of the value.
impl<T: Trace + core::panic::UnwindSafe> core::panic::UnwindSafe for Root<T> {}

impl<T: Trace> fmt::Debug for Root<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root<{}>", core::any::type_name::<T>())
    }
}

// SAFETY: a leaf: `'static + Send + Sync`; its own table reports the value.
unsafe impl<T: Trace + 'static> Trace for Root<T> {
    nothing_to_trace!();
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Barrier, mpsc},
        thread,
    };

    use crate::{Collect, Gc, Heap, Mutator, Root, Slot, Stress, sync::alone};

    type Number = Root<Gc<'static, u64>>;

    fn heap(verify: bool) -> Heap {
        Heap::builder().auto(false).stress(Stress { verify, ..Stress::default() }).build().unwrap()
    }

    /// Returns how many slots a young pause looks at.
    fn looked(m: &mut Mutator, collect: Collect) -> usize {
        let heap = m.heap();
        let before = heap.collector().roots.looked();
        m.collect(collect);
        heap.collector().roots.looked() - before
    }

    #[test]
    fn roots_of_old_objects_are_not_looked_at_until_they_are_written() {
        let heap = heap(false);
        let mut m = heap.attach().unwrap();
        let mut roots: Vec<Number> = (0..20_000_u64).map(|n| m.root(m.alloc(n))).collect();
        assert!(looked(&mut m, Collect::Young) >= 20_000);
        // What survived once is young.
        assert!(looked(&mut m, Collect::Young) >= 20_000);
        assert_eq!(looked(&mut m, Collect::Young), 0);
        roots[7777].set(&m, m.alloc(7));
        *roots[7778].get_mut(&m) = m.alloc(8);
        let one = looked(&mut m, Collect::Young);
        assert!((1..500).contains(&one), "{one}");
        assert_eq!(looked(&mut m, Collect::Young), one);
        assert_eq!(looked(&mut m, Collect::Young), 0);
        // After everything is promoted, at once.
        roots[0].set(&m, m.alloc(0));
        assert!(looked(&mut m, Collect::Promote) > 0);
        assert_eq!(looked(&mut m, Collect::Young), 0);
        // A leaf, and a value that holds nothing, are never written in a way that matters.
        let mut leaf = m.root(vec![1_u64]);
        looked(&mut m, Collect::Promote);
        leaf.get_mut(&m).push(2);
        assert_eq!(looked(&mut m, Collect::Young), 0);
        assert_eq!((*roots[7777].get(&m), *roots[7778].get(&m), *roots[19_999].get(&m)), (7, 8, 19_999));
    }

    #[test]
    fn a_root_with_a_slot_is_looked_at_in_every_pause() {
        let heap = heap(true);
        let mut m = heap.attach().unwrap();
        let root = m.root(Slot::new(Some(m.alloc(1_u64))));
        for n in 0..5 {
            assert!(looked(&mut m, Collect::Promote) > 0);
            root.borrow(&m).set(&m, Some(m.alloc(n)));
            assert!(looked(&mut m, Collect::Young) > 0);
            assert_eq!(root.borrow(&m).get().as_deref(), Some(&n));
        }
        drop(root);
        looked(&mut m, Collect::Young);
        assert_eq!(looked(&mut m, Collect::Young), 0);
    }

    /// The verifier does not rely on what the pause looks at. What it finds ends the process, so
    /// this runs in one of its own.
    #[test]
    fn the_verifier_finds_a_young_object_in_a_root_that_no_pause_would_look_at() {
        alone::ends(
            "root::tests::the_verifier_finds_a_young_object_in_a_root_that_no_pause_would_look_at",
            "is not in question",
            || {
                let heap = heap(true);
                let mut m = heap.attach().unwrap();
                let root = m.root(m.alloc(1_u64));
                m.collect(Collect::Promote);
                // SAFETY: the place of the root's value, written without notice: what the verifier has to find.
                unsafe { root.place(&m).write(m.alloc(2)) };
                m.collect(Collect::Young);
            },
        );
    }

    fn one_root_each(heap: &Heap, mutators: usize) -> Vec<Number> {
        (0..mutators)
            .map(|n| {
                let m = heap.attach().unwrap();
                m.root(m.alloc(n as u64))
            })
            .collect()
    }

    #[test]
    fn roots_of_gone_mutators_lie_side_by_side() {
        const ROOTS: usize = 20_000;
        let (one, gone) = (heap(false), heap(false));
        let mut m = one.attach().unwrap();
        let _roots: Vec<Number> = (0..ROOTS as u64).map(|n| m.root(m.alloc(n))).collect();
        let of_one = looked(&mut m, Collect::Promote);
        drop(m);
        let roots = one_root_each(&gone, ROOTS);
        let mut m = gone.attach().unwrap();
        let of_gone = looked(&mut m, Collect::Promote);
        assert!(of_gone <= 3 * of_one, "{of_gone} slots, of one mutator {of_one}");
        let each = gone.collector().roots.made() * 4096 / ROOTS;
        assert!(each <= 256, "{each} bytes for each root");
        assert_eq!(looked(&mut m, Collect::Young), 0);
        assert!(roots.iter().enumerate().all(|(n, root)| *root.get(&m) == n as u64));
        drop(roots);
        m.collect(Collect::Promote);
        assert!(gone.collector().roots.left() <= 1);
    }

    /// Without a collection: the mutator that makes them finds their slots.
    #[test]
    fn slots_of_roots_that_other_threads_drop_are_used_again() {
        let heap = heap(true);
        let m = heap.attach().unwrap();
        let one = m.root(m.alloc(1_u64));
        let turn = Barrier::new(2);
        let (send, receive) = mpsc::channel::<Vec<Number>>();
        thread::scope(|scope| {
            scope.spawn(|| {
                for batch in receive {
                    drop(batch);
                    turn.wait();
                }
            });
            for _ in 0..200 {
                send.send((0..1000).map(|_| one.clone_in(&m)).collect()).unwrap();
                turn.wait();
            }
            drop(send);
        });
        let made = heap.collector().roots.made();
        assert!(made < 20, "{made} chunks for 1000 roots at a time");
    }

    #[test]
    fn the_owner_frees_chunks_of_roots_that_it_drops() {
        let heap = heap(true);
        let mut m = heap.attach().unwrap();
        let roots: Vec<Number> = (0..20_000_u64).map(|n| m.root(m.alloc(n))).collect();
        m.collect(Collect::Promote);
        let side = heap.stats().side_bytes;
        assert!(side > 300_000, "{side}");
        drop(roots);
        m.collect(Collect::Young);
        assert!(heap.stats().side_bytes + 300_000 < side, "{} of {side}", heap.stats().side_bytes);
    }
}
