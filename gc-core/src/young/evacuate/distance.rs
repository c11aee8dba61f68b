//! How far from one another the objects lie that are copied one after the other.

/// How far the objects that are copied lie from one another.
#[derive(Clone, Copy, Default)]
pub(super) struct Distance {
    /// Where the object was that was copied last.
    pub(super) last: usize,
    /// How many of the last objects were far from the one before: an exponential average, `WINDOW`²
    /// if all of them were.
    far: u32,
}

impl Distance {
    /// Objects that lie no farther apart are near each other: the processor prefetches them.
    const NEAR: usize = 2048;
    /// About so many objects count.
    const WINDOW: u32 = 32;

    /// Returns whether an object lies far from the one that was copied last, as most do
    /// ([order.scattered]).
    #[inline(always)]
    pub(super) fn is_scattered(&mut self, address: usize) -> bool {
        let is_near = address.wrapping_sub(self.last).wrapping_add(Self::NEAR) < 2 * Self::NEAR;
        self.far = self.far - self.far / Self::WINDOW + if is_near { 0 } else { Self::WINDOW };
        !is_near && self.far > Self::WINDOW * Self::WINDOW / 4 * 3
    }
}
