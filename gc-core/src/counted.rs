//! `Counted`: references counted instead of traced, for types that cannot form cycles.
//!
//! | file | contents |
//! |---|---|
//! | `count` | the counts of one object, biased towards the mutator that made it |
//! | `owners` | the mutators, and the objects that other threads asked each to merge |
//! | `current` | the mutator that this thread counts for |
//! | `contents` | the memory of an object: header, length, contents |
//! | `reclaim` | reclaiming dead objects without deep recursion |
//! | `weak`, `unique`, `convert`, `compare`, `serde` | the public API |
//!
//! - **[counted.one-count]** A `Counted` is one reference of its object's count. A `CountedWeak` is
//!   one weak handle.
//! - **[counted.whole]** The contents are valid from before the first `Counted` exists until the
//!   object is dead ([count.dead]). They are written only through the only handle.

mod compare;
mod contents;
mod convert;
pub(crate) mod count;
mod current;
pub(crate) mod owners;
pub(crate) mod reclaim;
#[cfg(feature = "serde")]
mod serde;
mod unique;
mod weak;

use core::{
    marker::PhantomData,
    mem::needs_drop,
    ops::Deref,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr::NonNull,
};

pub use contents::Contents;
pub(crate) use current::{Token, lock_words};
pub use unique::CloneContents;
pub use weak::CountedWeak;

use crate::trace::Acyclic;
use count::{Count, Released, Step};
use current::{ask, current, maker, merge};

/// A reference to an immutable object that is reclaimed with its last reference: the interface of
/// `Arc`, at the speed of `Rc` on the thread that made the object.
///
/// For types that cannot form cycles. Such types are [`Acyclic`], which `#[derive(Trace)] #[trace(acyclic)]`
/// proves field by field: `String`s, numbers and containers of such types. A `Counted` needs no
/// heap and no mutator. Its object is never traced and never moves. It is `Send + Sync` where `T`
/// is. In a traced object it is a leaf.
///
/// A `Counted` is one word, and so is `Option<Counted<T>>`, also for `str` and slices, whose
/// contents lie in the same allocation. An object takes 24 bytes in addition to its contents, or 32
/// bytes for strings and slices.
///
/// ```
/// use gc_core::Counted;
///
/// let name: Counted<str> = "Ada".into();
/// let same = name.clone();
/// let there = std::thread::spawn(move || same.len());
/// assert_eq!(there.join().unwrap(), name.len());
/// assert_eq!(size_of::<Option<Counted<str>>>(), size_of::<usize>());
/// ```
///
/// # What it costs
///
/// The thread that made the object counts without atomic operations while it runs its
/// [`Mutator`](crate::Mutator): a clone and its drop cost about as much as those of `Rc`. Every
/// other thread counts by atomic operations, as `Arc` does. So does a thread without a mutator or
/// in [`blocked`](crate::Mutator::blocked). Making an object takes no atomic operation, nor does
/// dropping the last reference on the thread that made the object. The next section has two
/// exceptions: after a long chain, and while very many objects wait for a thread, it counts by
/// atomic operations itself.
///
/// # When an object is reclaimed
///
/// An object is reclaimed with its last reference, if the thread that made the object drops that
/// reference. It is also reclaimed with its last reference, whichever thread drops it, if the
/// thread that made the object has released all references that *it counted*, is blocked, or has
/// detached.
///
/// While the thread that made the object runs, the other threads together may drop more references
/// than they have made. The thread that made the object is then asked to merge the counts. Until
/// its next safepoint, `blocked` or detach, the object is not reclaimed, even if that thread drops
/// the last reference. If no reference is left by then, the destructor runs on a thread of the
/// owner's heap.
///
/// A chain that another thread drops waits in this way for its first object, then for the second
/// one, and so on, but at most for nine safepoints one after the other, whatever its length. At the
/// ninth one its owner *renews its token*: from then on it counts what it made before by atomic
/// operations, as other threads do, and nothing of it waits any more. This includes trees, what
/// destructors drop, and chains of several owners, which take one safepoint more for each further
/// owner. A destructor that has another thread drop a reference begins a chain anew.
///
/// [`Stats::counted_waiting`](crate::Stats::counted_waiting) is the number of objects that wait.
/// While 16,384 or more wait for one thread, what it makes is counted by atomic operations, and
/// does not wait. So no more can come to wait for a thread that reaches no safepoint than those and
/// what it had made before. [`Event::CountedBehind`](crate::Event::CountedBehind) tells of it. A
/// leaked mutator (`mem::forget`) never reaches a safepoint, so the objects that wait for it leak.
///
/// Dropping a long chain takes no deep stack. The references that a destructor drops are reclaimed
/// only after it has returned, if many destructors are nested or one of them has panicked. A
/// destructor must not wait for them to be reclaimed. If destructors panic while a chain is
/// dropped, all destructors still run, and the first panic is resumed.
///
/// In the child of a `fork`, an object leaks whose last reference another thread of the parent was
/// dropping, or was asked to drop: see [`Heap`](crate::Heap#fork).
///
/// A count that reaches its maximum is saturated: it stays there, and the object is never freed. No
/// count ever wraps.
///
/// There is no `Counted<dyn Trait>`. A one-word pointer to a trait object would need the vtable in
/// the object, and stable Rust has no safe way to name the vtable of a trait. `Counted<Box<dyn
/// Trait>>` costs one allocation more.
pub struct Counted<T: Contents + ?Sized> {
    count: NonNull<Count>,
    contents: PhantomData<T>,
}

// SAFETY: as for `Arc`: references on several threads are `&T` on several threads (`T: Sync`), and the last one drops a `T` on
// any thread (`T: Send`).
unsafe impl<T: Contents + ?Sized + Send + Sync> Send for Counted<T> {}
// SAFETY: as above: `&Counted<T>` gives `&T`, and `clone` makes a `Counted<T>` of it.
unsafe impl<T: Contents + ?Sized + Send + Sync> Sync for Counted<T> {}

impl<T: Contents + ?Sized> Unpin for Counted<T> {}

/// The contents are reached through shared references only.
impl<T: Contents + ?Sized + RefUnwindSafe> UnwindSafe for Counted<T> {}

/// As above.
impl<T: Contents + ?Sized + RefUnwindSafe> RefUnwindSafe for Counted<T> {}

impl<T: Acyclic> Counted<T> {
    /// Makes an object.
    ///
    /// One allocation. If the calling thread runs a mutator, that mutator becomes the owner, which
    /// counts without atomic operations.
    ///
    /// ```
    /// let answer = gc_core::Counted::new(42);
    /// assert_eq!(*answer, 42);
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::from_count(contents::new(Count::new(maker()), value))
    }

    /// Makes an object that is never dropped or freed, and whose references are never counted: for
    /// interned names and small constants.
    ///
    /// Its [`strong_count`](Self::strong_count) is `usize::MAX`, and no reference to it is ever the
    /// only one.
    ///
    /// ```
    /// use gc_core::Counted;
    /// use std::sync::LazyLock;
    ///
    /// static ZERO: LazyLock<Counted<u64>> = LazyLock::new(|| Counted::immortal(0));
    /// let zero = ZERO.clone(); // reads, writes nothing
    /// assert_eq!(*zero, 0);
    /// ```
    #[must_use]
    pub fn immortal(value: T) -> Self {
        Self::from_count(contents::new(Count::immortal(), value))
    }
}

impl Counted<str> {
    /// Makes an [`immortal`](Counted::immortal) object of text.
    ///
    /// ```
    /// let name = gc_core::Counted::immortal_str("__init__");
    /// assert_eq!(&*name, "__init__");
    /// ```
    #[must_use]
    pub fn immortal_str(text: &str) -> Self {
        // SAFETY: `text` gives so many readable bytes of valid UTF-8, and bytes need no dropping.
        Self::from_count(unsafe { contents::new_slice(Count::immortal(), text.as_ptr(), text.len()) })
    }
}

impl<T: Contents + ?Sized> Counted<T> {
    /// Returns the handle that stands for a new object's one reference ([counted.one-count]).
    #[inline(always)]
    fn from_count(count: NonNull<Count>) -> Self {
        Self { count, contents: PhantomData }
    }

    #[inline(always)]
    fn count(&self) -> &Count {
        // SAFETY: an object lives as long as a reference to it, and no thread ever has a `&mut` to its header.
        unsafe { self.count.as_ref() }
    }

    /// Returns whether both are references to the same object.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let (one, other) = (Counted::new(1), Counted::new(1));
    /// assert!(Counted::ptr_eq(&one, &one.clone()));
    /// assert!(!Counted::ptr_eq(&one, &other));
    /// ```
    #[inline]
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.count == other.count
    }

    /// Returns the address of the contents, which never changes.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(1);
    /// assert!(std::ptr::eq(Counted::as_ptr(&one), &*one));
    /// ```
    #[inline]
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const T {
        // SAFETY: this handle refers to a live object of this type ([counted.one-count]).
        unsafe { T::at(this.count.cast()) }.as_ptr()
    }

    /// Returns the number of references, `usize::MAX` for an immortal object.
    ///
    /// While other threads clone and drop references, the number is out of date at once, as for
    /// `Arc`. It is exact on the thread that made the object. On another thread it is exact if the
    /// thread that made the object is blocked or gone, as the counts are merged then. Otherwise it
    /// is an estimate, at least 1.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(1);
    /// let two = one.clone();
    /// assert_eq!(Counted::strong_count(&one), 2);
    /// ```
    #[must_use]
    pub fn strong_count(this: &Self) -> usize {
        if let Some(owner) = this.count().other_owner(current()) {
            merge(owner, this.count());
        }
        this.count().strong(current()).max(1)
    }

    /// Returns the number of weak handles, 0 for an immortal object. It is out of date at once, as
    /// [`strong_count`](Self::strong_count) is.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(1);
    /// let weak = Counted::downgrade(&one);
    /// assert_eq!(Counted::weak_count(&one), 1);
    /// ```
    #[must_use]
    pub fn weak_count(this: &Self) -> usize {
        this.count().weak()
    }

    /// Makes a weak handle, which does not keep the contents alive. It takes one atomic operation;
    /// the first weak handle of an object takes two.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(1);
    /// let weak = Counted::downgrade(&one);
    /// assert_eq!(weak.upgrade().as_deref(), Some(&1));
    /// drop(one);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use]
    pub fn downgrade(this: &Self) -> CountedWeak<T> {
        this.count().downgrade();
        CountedWeak::from_count(this.count)
    }

    /// Releases this reference. Returns whether the object is dead and the caller has to reclaim
    /// it.
    fn release(&mut self) -> bool {
        let released = match self.count().release(current()) {
            Step::Counted => Released::Alive,
            Step::Last => self.count().release_last_biased(),
            Step::Elsewhere => self.count().release_elsewhere(),
        };
        match released {
            Released::Alive => false,
            Released::Dead | Released::Unshared => true,
            Released::Ask(owner) => ask(owner, reclaim::object::<T>(self.count)),
        }
    }
}

impl<T: Contents + ?Sized> Clone for Counted<T> {
    /// Makes another reference to the same object.
    #[inline(always)]
    fn clone(&self) -> Self {
        self.count().retain(current());
        Self { count: self.count, contents: PhantomData }
    }
}

impl<T: Contents + ?Sized> Drop for Counted<T> {
    #[inline(always)]
    fn drop(&mut self) {
        match self.count().release(current()) {
            Step::Counted => {}
            // SAFETY: the step says that this handle's reference was the last biased one. The handle is gone afterwards.
            Step::Last => unsafe { drop_last::<T>(self.count) },
            // SAFETY: this handle's reference is not released yet. The handle is gone afterwards.
            Step::Elsewhere => unsafe { drop_elsewhere::<T>(self.count) },
        }
    }
}

impl<T: Contents + ?Sized> Deref for Counted<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: an object of this type ([counted.one-count]), valid and not written as long as this handle exists
        // ([counted.whole]).
        unsafe { T::at(self.count.cast()).as_ref() }
    }
}

/// Completes a release after [`Step::Last`].
///
/// # Safety
///
/// `object` is the count of an object of this type. The caller has released a reference to it, and
/// got that step.
#[inline(never)]
unsafe fn drop_last<T: Contents + ?Sized>(object: NonNull<Count>) {
    // SAFETY: the object is not freed before this call returns that it is dead.
    match unsafe { object.as_ref() }.release_last_biased() {
        // SAFETY: of this type, dead and ours to reclaim, without weak handles. There is nothing to drop.
        Released::Unshared if !needs_drop::<T>() => unsafe { contents::free::<T>(object) },
        // SAFETY: of this type, dead and ours to reclaim.
        Released::Unshared | Released::Dead => unsafe { reclaim::<T>(object) },
        Released::Alive | Released::Ask(_) => {}
    }
}

/// Completes a release after [`Step::Elsewhere`].
///
/// # Safety
///
/// `object` is the count of an object of this type. The caller has a reference to it, which this
/// call releases.
#[inline(never)]
unsafe fn drop_elsewhere<T: Contents + ?Sized>(object: NonNull<Count>) {
    // SAFETY: the object is not freed before this call returns that it is dead.
    match unsafe { object.as_ref() }.release_elsewhere() {
        Released::Alive => {}
        // SAFETY: of this type, dead and ours to reclaim, without weak handles. There is nothing to drop.
        Released::Unshared if !needs_drop::<T>() => unsafe { contents::free::<T>(object) },
        // SAFETY: of this type, dead and ours to reclaim.
        Released::Dead | Released::Unshared => unsafe { reclaim::<T>(object) },
        // SAFETY: of this type, and the release has set QUEUED.
        Released::Ask(owner) => unsafe { ask_owner::<T>(object, owner) },
    }
}

/// # Safety
///
/// The object is of this type and dead, and the caller has to reclaim it.
#[inline(never)]
unsafe fn reclaim<T: Contents + ?Sized>(object: NonNull<Count>) {
    // SAFETY: the caller guarantees the same.
    unsafe { reclaim::reclaim::<T>(object) };
}

/// # Safety
///
/// The object is of this type, and the caller has set QUEUED on it.
#[cold]
#[inline(never)]
unsafe fn ask_owner<T: Contents + ?Sized>(object: NonNull<Count>, owner: u64) {
    if ask(owner, reclaim::object::<T>(object)) {
        // SAFETY: of this type, dead, and ours to reclaim, as `ask` returns.
        unsafe { reclaim::reclaim::<T>(object) };
    }
}
