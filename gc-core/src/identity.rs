//! Identity: a number for an object that stays the same while the object moves.
//!
//! Address-based identities are what a moving collector takes away; a table beside the objects
//! gives them back (Agesen: *Space and time efficient hashing of garbage-collected objects*, 1999,
//! stores them behind the object; here objects that are never asked pay nothing).

use core::{
    fmt,
    hash::{Hash, Hasher},
};

use crate::{
    Gc, Mutator,
    trace::{Object, Referent},
};

impl<'gc, T: Object + ?Sized> Gc<'gc, T> {
    /// Returns the identity of the object: a number that no other object of its heap has, had or
    /// will have. It is given when it is first asked for, from 1 on, and stays until the object
    /// dies.
    ///
    /// The first call for an object adds an entry of about 70 bytes to a table of the heap, which
    /// lives as long as the object; each takes some tens of nanoseconds. Objects that are never
    /// asked pay nothing. All threads get the same number.
    ///
    /// To compare two pointers that are in hand, [`ptr_eq`](Self::ptr_eq) is enough.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// use gc_core::{Collect, Gc};
    /// let object = m.root(m.alloc(1));
    /// let id = Gc::id(object.get(&m), &m);
    /// m.collect(Collect::Promote); // moves it
    /// assert_eq!(Gc::id(object.get(&m), &m), id);
    /// assert_ne!(Gc::id(m.alloc(1), &m), id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(this: Self, mutator: &'gc Mutator) -> u64 {
        let collector = &mutator.local().collector;
        // SAFETY: an object that this thread has in hand.
        unsafe {
            collector.registered.with_entry(collector.generations(), this.address(), |entry| {
                entry.is_known = true;
                entry.id
            })
        }
    }

    /// Returns the identity of the object, if the program knows it.
    pub(crate) fn known_id(this: Self, mutator: &'gc Mutator) -> Option<u64> {
        let table = &mutator.local().collector.registered;
        table.with_existing(this.address(), |entry| entry.is_known.then_some(entry.id)).flatten()
    }

    /// Returns the pointer with the identity of its object, for hash tables and for printing.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// use std::collections::HashSet;
    /// let (a, b) = (m.alloc(7_u64), m.alloc(7_u64));
    /// let both: HashSet<_> = [a, b, a].into_iter().map(|object| Gc::by_id(object, &m)).collect();
    /// assert_eq!(both.len(), 2);
    /// assert_eq!(format!("{:?}", Gc::by_id(a, &m)), format!("7 (u64 #{})", Gc::id(a, &m)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn by_id(this: Self, mutator: &'gc Mutator) -> ById<'gc, T> {
        ById { object: this, id: Self::id(this, mutator) }
    }
}

/// A pointer that is compared, ordered, hashed and printed by the identity of its object: made by
/// [`Gc::by_id`]. The identity stays the same, so it may be a key of a [`GcMap`](crate::GcMap).
#[derive(crate::Trace)]
pub struct ById<'gc, T: Referent + ?Sized> {
    object: Gc<'gc, T>,
    id: u64,
}

impl<'gc, T: Referent + ?Sized> ById<'gc, T> {
    /// Returns the pointer.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert_eq!(*gc_core::Gc::by_id(m.alloc(1), &m).object(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn object(self) -> Gc<'gc, T> {
        self.object
    }

    /// Returns the identity.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let object = m.alloc(1);
    /// assert_eq!(Gc::by_id(object, &m).id(), Gc::id(object, &m));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn id(self) -> u64 {
        self.id
    }
}

impl<T: Referent + ?Sized> Clone for ById<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Referent + ?Sized> Copy for ById<'_, T> {}

impl<T: Referent + ?Sized> PartialEq for ById<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<T: Referent + ?Sized> Eq for ById<'_, T> {}

impl<T: Referent + ?Sized> PartialOrd for ById<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Referent + ?Sized> Ord for ById<'_, T> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}

impl<T: Referent + ?Sized> Hash for ById<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// Prints the object, its type and its identity.
impl<T: Object + ?Sized + fmt::Debug> fmt::Debug for ById<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({} #{})", self.object, core::any::type_name::<T>(), self.id)
    }
}
