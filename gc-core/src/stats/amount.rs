//! A number of objects, and their bytes.

/// A number of objects, and their bytes.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// use gc_core::observe::{Amount, Census};
///
/// let kept = m.root(m.alloc(7_u64));
/// assert_eq!(Census::take(&mut m).all(), Amount { objects: 1, bytes: 16 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Hash)]
pub struct Amount {
    /// The number of objects.
    pub objects: usize,
    /// Bytes of the objects with their headers: a word each, and for slices another one for the
    /// length. What they own outside of the heap (a `Vec`'s elements) is not included.
    pub bytes: usize,
}

impl Amount {
    /// Adds one object.
    #[inline(always)]
    pub(crate) fn add(&mut self, bytes: usize) {
        self.objects += 1;
        self.bytes += bytes;
    }

    /// Returns what is left without `other`, which is part of it.
    pub(crate) fn without(self, other: Self) -> Self {
        Self { objects: self.objects - other.objects, bytes: self.bytes - other.bytes }
    }

    /// Returns the lesser of the numbers of objects, and of bytes.
    pub(crate) fn at_most(self, most: Self) -> Self {
        Self { objects: self.objects.min(most.objects), bytes: self.bytes.min(most.bytes) }
    }
}

impl core::ops::AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}
