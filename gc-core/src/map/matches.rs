//! What a map may be looked up by.

use core::borrow::Borrow;

/// A key that can be looked up by a `Q`. A key is looked up by all that it borrows as; implement
/// this for what it cannot lend.
///
/// `Q` has the same [`Hash`](core::hash::Hash) as the keys that it matches. If not, keys are
/// missed, and nothing worse happens.
///
/// ```
/// use gc_core::{Gc, GcMap, Heap, Trace, map::Matches};
///
/// /// A name in a scope.
/// #[derive(Trace, PartialEq, Eq, Hash)]
/// struct Name<'gc> {
///     scope: u32,
///     text: Gc<'gc, str>,
/// }
///
/// /// The same, of a text that is not in the heap.
/// #[derive(Hash)]
/// struct Sought<'a> {
///     scope: u32,
///     text: &'a str,
/// }
///
/// impl Matches<Sought<'_>> for Name<'_> {
///     fn matches(&self, sought: &Sought<'_>) -> bool {
///         self.scope == sought.scope && *self.text == *sought.text
///     }
/// }
///
/// # let heap = Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let map = m.alloc(GcMap::new());
/// map.insert(&m, Name { scope: 1, text: m.alloc_str("x") }, 7);
/// assert_eq!(map.get(&Sought { scope: 1, text: "x" }), Some(&7));
/// assert_eq!(map.get(&Sought { scope: 2, text: "x" }), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Matches<Q: ?Sized> {
    /// Returns whether this is the key that is looked up.
    fn matches(&self, sought: &Q) -> bool;
}

impl<K: Borrow<Q> + ?Sized, Q: Eq + ?Sized> Matches<Q> for K {
    #[inline(always)]
    fn matches(&self, sought: &Q) -> bool {
        self.borrow() == sought
    }
}
