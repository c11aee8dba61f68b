//! `Counted`: the reference-counted path, for types that cannot form cycles.
//!
//! | file | has |
//! |---|---|
//! | `count` | the counts of one object, biased towards the mutator that made it |
//! | `owners` | mutators, and what others asked them to merge |
//! | `current` | which mutator this thread counts by |
//! | `contents` | the memory of an object: header, length, contents |
//! | `reclaim` | the end of objects, without deep recursion |
//! | `weak`, `unique`, `convert`, `compare`, `serde` | the face |
//!
//! - **[counted.one-count]** A `Counted` is one reference of its object's count, a `CountedWeak` one weak handle.
//! - **[counted.whole]** The contents are whole from before the first `Counted` until the object is dead ([count.dead]), and nobody writes them but through
//!   the only handle.

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
pub(crate) use current::Token;
pub use unique::CloneContents;
pub use weak::CountedWeak;

use crate::trace::Acyclic;
use count::{Count, Released, Step};
use current::{ask, current, merge};
use owners::Object;
use reclaim::KindOf;

/// A reference to an immutable object that goes with its last reference: `Arc`'s face, `Rc`'s speed on the thread that made it.
///
/// For types that cannot form cycles: [`Acyclic`], which `#[derive(Trace)] #[trace(acyclic)]` proves field by field, `String`s, numbers and
/// containers of such. It needs no heap and no mutator, is never traced and never moves, and is `Send + Sync` where `T` is. In a traced
/// object it is a leaf.
///
/// One word, also for `str` and slices, whose contents lie in the same allocation; `Option<Counted<T>>` too. An object takes 24 bytes beside
/// its contents, of strings and slices 32.
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
/// The thread that made the object, while it runs its [`Mutator`](crate::Mutator), counts without atomic operations: a clone and its drop cost
/// about what `Rc`'s do. Every other thread, and any thread without a mutator or in [`blocked`](crate::Mutator::blocked), counts
/// by atomic operations, as `Arc`. Making an object and dropping the last reference where it was made take no atomic
/// operation.
///
/// # When an object goes
///
/// With its last reference, if that is dropped by the thread that made it, or by anybody once that thread has let go of all references
/// *it counted*, is blocked, or has detached. If another thread drops one of those while the thread that made the object runs, and has
/// not made as many itself, that thread is asked: from then on until its next safepoint, `blocked` or detach the object does not go, even
/// if the thread that made it drops the last reference. If nobody has one by then, the destructor runs on its heap's own thread. A leaked
/// mutator (`mem::forget`) is never at a safepoint: such objects leak.
///
/// Dropping a long chain takes no deep stack: where many destructors are under way, each in the one before, or one of them has panicked,
/// what a destructor lets go of goes only after it has returned. It must not wait for that. Of destructors that panic while a chain is
/// dropped, all run, and the first panic goes on.
///
/// In the child of a `fork`, objects that mutators of the parent own leak, and asking for them may wait for a lock that nobody there holds: see
/// [`Heap`](crate::Heap).
///
/// In the child of a `fork`, what another thread's mutator made may leak, or wait for ever when it is dropped.
///
/// A count that reaches its end stays there, and the object is never freed: no count ever wraps.
///
/// There is no `Counted<dyn Trait>`: a one-word pointer to a trait object would need a trait's own vtable in the object, which stable Rust
/// has no safe name for. `Counted<Box<dyn Trait>>` is one allocation more.
pub struct Counted<T: Contents + ?Sized> {
    count: NonNull<Count>,
    contents: PhantomData<T>,
}

// SAFETY: as for `Arc`: references on several threads are `&T` on several threads, and the last one drops a `T` on any.
unsafe impl<T: Contents + ?Sized + Send + Sync> Send for Counted<T> {}
// SAFETY: as above: `&Counted<T>` gives `&T`, and a `Counted<T>` by `clone`.
unsafe impl<T: Contents + ?Sized + Send + Sync> Sync for Counted<T> {}

impl<T: Contents + ?Sized> Unpin for Counted<T> {}

/// The contents are seen through shared references only.
impl<T: Contents + ?Sized + RefUnwindSafe> UnwindSafe for Counted<T> {}

/// As above.
impl<T: Contents + ?Sized + RefUnwindSafe> RefUnwindSafe for Counted<T> {}

impl<T: Acyclic> Counted<T> {
    /// Makes an object.
    ///
    /// One allocation. On a thread that runs a mutator, that becomes the owner: it counts without atomic operations.
    ///
    /// ```
    /// let answer = gc_core::Counted::new(42);
    /// assert_eq!(*answer, 42);
    /// ```
    #[inline(always)]
    pub fn new(value: T) -> Self {
        Self::from_count(contents::new(Count::new(current()), value))
    }

    /// Makes an object that is never dropped nor freed, and whose references are never counted: for interned names and small constants.
    ///
    /// [`strong_count`](Self::strong_count) of it is `usize::MAX`; it is never the only reference.
    ///
    /// ```
    /// use gc_core::Counted;
    /// use std::sync::LazyLock;
    ///
    /// static ZERO: LazyLock<Counted<u64>> = LazyLock::new(|| Counted::immortal(0));
    /// let zero = ZERO.clone(); // reads, writes nothing
    /// assert_eq!(*zero, 0);
    /// ```
    pub fn immortal(value: T) -> Self {
        Self::from_count(contents::new(Count::immortal(), value))
    }
}

impl Counted<str> {
    /// [`immortal`](Counted::immortal) for text.
    ///
    /// ```
    /// let name = gc_core::Counted::immortal_str("__init__");
    /// assert_eq!(&*name, "__init__");
    /// ```
    pub fn immortal_str(text: &str) -> Self {
        // SAFETY: the text's bytes; nothing to drop.
        Self::from_count(unsafe { contents::new_slice(Count::immortal(), text.as_ptr(), text.len()) })
    }
}

impl<T: Contents + ?Sized> Counted<T> {
    /// The handle of a new object's one reference ([counted.one-count]).
    #[inline(always)]
    fn from_count(count: NonNull<Count>) -> Self {
        Self { count, contents: PhantomData }
    }

    #[inline(always)]
    fn count(&self) -> &Count {
        // SAFETY: an object lives as long as a reference to it, and nobody has its header exclusively.
        unsafe { self.count.as_ref() }
    }

    /// The object without its type.
    fn object(&self) -> Object {
        Object { count: self.count, kind: KindOf::<T>::KIND }
    }

    /// Whether both are references to the same object.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let (one, other) = (Counted::new(1), Counted::new(1));
    /// assert!(Counted::ptr_eq(&one, &one.clone()));
    /// assert!(!Counted::ptr_eq(&one, &other));
    /// ```
    #[inline]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.count == other.count
    }

    /// The address of the contents, which stays the same.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(1);
    /// assert!(std::ptr::eq(Counted::as_ptr(&one), &*one));
    /// ```
    #[inline]
    pub fn as_ptr(this: &Self) -> *const T {
        // SAFETY: an object of this type ([counted.one-count]).
        unsafe { T::at(this.count.cast()) }.as_ptr()
    }

    /// How many references there are; `usize::MAX` for an immortal.
    ///
    /// While other threads clone and drop references, it is out of date at once, as for `Arc`. It is exact on the thread that made the object,
    /// and, by merging the counts, on others when that thread is blocked or gone; on others while that thread runs, it is an estimate,
    /// at least 1.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(1);
    /// let two = one.clone();
    /// assert_eq!(Counted::strong_count(&one), 2);
    /// ```
    pub fn strong_count(this: &Self) -> usize {
        if let Some(owner) = this.count().other_owner(current()) {
            merge(owner, this.count());
        }
        this.count().strong(current()).max(1)
    }

    /// How many weak handles there are: out of date at once, as [`strong_count`](Self::strong_count). 0 for an immortal.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(1);
    /// let weak = Counted::downgrade(&one);
    /// assert_eq!(Counted::weak_count(&one), 1);
    /// ```
    pub fn weak_count(this: &Self) -> usize {
        this.count().weak()
    }

    /// Makes a weak handle: it does not keep the contents alive. An atomic operation, the first one for an object two.
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
    pub fn downgrade(this: &Self) -> CountedWeak<T> {
        this.count().downgrade();
        CountedWeak::from_count(this.count)
    }

    /// Ends this reference: whether the object is dead, and the caller's to end.
    fn release(&mut self) -> bool {
        let released = match self.count().release(current()) {
            Step::Counted => Released::Alive,
            Step::Last => self.count().release_last_biased(),
            Step::Elsewhere => self.count().release_elsewhere(),
        };
        match released {
            Released::Alive => false,
            Released::Dead | Released::Unshared => true,
            Released::Ask(owner) => ask(owner, self.object()),
        }
    }
}

impl<T: Contents + ?Sized> Clone for Counted<T> {
    /// Another reference to the same object.
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
            // SAFETY: it was our last, both; the handle is gone afterwards.
            Step::Last => unsafe { drop_last::<T>(self.count) },
            // SAFETY: as above.
            Step::Elsewhere => unsafe { drop_elsewhere::<T>(self.count) },
        }
    }
}

impl<T: Contents + ?Sized> Deref for Counted<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: an object of this type ([counted.one-count]), whole and not written as long as this handle is there ([counted.whole]).
        unsafe { T::at(self.count.cast()).as_ref() }
    }
}

/// Goes on after [`Step::Last`].
///
/// # Safety
///
/// The count of an object of this type, a reference of which the caller has released by that step.
#[inline(never)]
unsafe fn drop_last<T: Contents + ?Sized>(object: NonNull<Count>) {
    // SAFETY: not freed before this says so.
    match unsafe { object.as_ref() }.release_last_biased() {
        // SAFETY: of this type, dead and ours, without weak handles; nothing to drop.
        Released::Unshared if !needs_drop::<T>() => unsafe { contents::free::<T>(object) },
        // SAFETY: of this type, dead and ours.
        Released::Unshared | Released::Dead => unsafe { reclaim::<T>(object) },
        Released::Alive | Released::Ask(_) => {}
    }
}

/// Goes on after [`Step::Elsewhere`].
///
/// # Safety
///
/// The count of an object of this type, a reference of which is the caller's to release.
#[inline(never)]
unsafe fn drop_elsewhere<T: Contents + ?Sized>(object: NonNull<Count>) {
    // SAFETY: not freed before this says so.
    match unsafe { object.as_ref() }.release_elsewhere() {
        Released::Alive => {}
        // SAFETY: of this type, dead and ours, without weak handles; nothing to drop.
        Released::Unshared if !needs_drop::<T>() => unsafe { contents::free::<T>(object) },
        // SAFETY: of this type, dead and ours.
        Released::Dead | Released::Unshared => unsafe { reclaim::<T>(object) },
        // SAFETY: as above, with QUEUED set.
        Released::Ask(owner) => unsafe { ask_owner::<T>(object, owner) },
    }
}

/// # Safety
///
/// The object is of this type, dead, and the caller's to end.
#[inline(never)]
unsafe fn reclaim<T: Contents + ?Sized>(object: NonNull<Count>) {
    // SAFETY: the caller's.
    unsafe { reclaim::reclaim::<T>(object) };
}

/// # Safety
///
/// The object is of this type, and the caller has set QUEUED on it.
#[cold]
#[inline(never)]
unsafe fn ask_owner<T: Contents + ?Sized>(object: NonNull<Count>, owner: u64) {
    if ask(owner, Object { count: object, kind: KindOf::<T>::KIND }) {
        // SAFETY: of this type, dead, and ours.
        unsafe { reclaim::reclaim::<T>(object) };
    }
}
