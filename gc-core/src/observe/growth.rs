//! Growth: what has changed from one census to the next.

use core::fmt;
use std::collections::HashMap;

use crate::stats::Amount;

use super::census::Census;

/// How a type has changed between two censuses.
///
/// ```
/// # use gc_core::{Heap, observe::Census};
/// # let heap = Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let before = Census::take(&mut m);
/// let leaked = m.root(m.alloc_str("a page of text"));
/// let grown = Census::take(&mut m).growth(&before);
/// assert_eq!((grown[0].name, grown[0].objects(), grown[0].bytes()), ("str", 1, 32));
/// assert_eq!(grown[0].to_string(), "str: 1 objects (+1), 32 bytes (+32)");
/// # drop(leaked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Growth {
    /// The name of the type.
    pub name: &'static str,
    /// What the earlier census has found alive.
    pub before: Amount,
    /// What the later census has found alive.
    pub after: Amount,
}

impl Growth {
    /// Returns by how many objects the type has grown. Negative if there are fewer.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let three: Vec<_> = (0..3_u8).map(|n| m.root(m.alloc(n))).collect();
    /// let before = Census::take(&mut m);
    /// drop(three);
    /// assert_eq!(Census::take(&mut m).changes(&before)[0].objects(), -3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn objects(&self) -> isize {
        difference(self.after.objects, self.before.objects)
    }

    /// Returns by how many bytes the type has grown. Negative if there are fewer.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let before = Census::take(&mut m);
    /// let kept = m.root(m.alloc([1_u64; 3]));
    /// assert_eq!(Census::take(&mut m).growth(&before)[0].bytes(), 32);
    /// # drop(kept);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn bytes(&self) -> isize {
        difference(self.after.bytes, self.before.bytes)
    }

    /// Returns whether there are more objects, or more bytes.
    fn is_growth(&self) -> bool {
        self.objects() > 0 || self.bytes() > 0
    }
}

/// No object is larger than half of the address space.
fn difference(after: usize, before: usize) -> isize {
    after.wrapping_sub(before).cast_signed()
}

impl Census {
    /// Returns the types that have more objects or more bytes than in an earlier census of the same
    /// heap, those that have grown by the most bytes first.
    ///
    /// This compares what is alive at two moments. Objects that have come for others that have gone
    /// do not show.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let before = Census::take(&mut m);
    /// for _ in 0..100 {
    ///     m.alloc([0_u64; 10]);
    /// }
    /// assert!(Census::take(&mut m).growth(&before).is_empty()); // garbage is no growth
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn growth(&self, before: &Self) -> Vec<Growth> {
        let mut grown = self.changes(before);
        grown.retain(Growth::is_growth);
        grown
    }

    /// Returns all types of which there are more or fewer objects or bytes than in an earlier
    /// census of the same heap, those that have grown by the most bytes first, and those that have
    /// shrunk by the most last.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let one = m.root(m.alloc(1_u8));
    /// let before = Census::take(&mut m);
    /// drop(one);
    /// let other = m.root(m.alloc([2_u64; 2]));
    /// let changes = Census::take(&mut m).changes(&before);
    /// assert_eq!(changes.iter().map(|change| change.name).collect::<Vec<_>>(), ["[u64; 2]", "u8"]);
    /// # drop(other);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn changes(&self, before: &Self) -> Vec<Growth> {
        let mut gone: HashMap<_, _> = before.types().iter().map(|count| (count.key(), count.live)).collect();
        let mut changes: Vec<Growth> = Vec::new();
        for count in self.types() {
            let before = gone.remove(&count.key()).unwrap_or_default();
            changes.push(Growth { name: count.name, before, after: count.live });
        }
        let after = Amount::default();
        changes.extend(gone.into_iter().map(|((name, _), before)| Growth { name, before, after }));
        changes.retain(|change| change.before != change.after);
        changes.sort_unstable_by_key(|change| core::cmp::Reverse((change.bytes(), change.objects(), change.name)));
        changes
    }
}

/// `Type: 12 objects (+3), 192 bytes (+48)`
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, Amount { objects, bytes }) = (self.name, self.after);
        write!(f, "{name}: {objects} objects ({:+}), {bytes} bytes ({:+})", self.objects(), self.bytes())
    }
}
