//! A list that lies in segments. It grows without a copy of what it has, is handed over whole, and
//! takes no memory from the allocator in pieces so large that the allocator keeps them: glibc
//! returns a large piece to the system, but learns from it to keep the next ones.

use core::{cmp::Reverse, mem};
use std::{collections::BinaryHeap, vec};

/// The bytes of a segment.
const SEGMENT: usize = 32 << 10;
/// The elements that a list has room for at first.
const FIRST: usize = 16;

/// A list of any length, in the order of insertion except where lists were joined.
pub(crate) struct Segments<T> {
    /// Where elements are added.
    open: Vec<T>,
    /// Segments that are left as they are, and the number of their elements.
    closed: Vec<Vec<T>>,
    closed_len: usize,
}

impl<T> Default for Segments<T> {
    fn default() -> Self {
        Self { open: Vec::new(), closed: Vec::new(), closed_len: 0 }
    }
}

impl<T> Segments<T> {
    /// The elements of a segment.
    const LEN: usize = SEGMENT / size_of::<T>();

    #[inline]
    pub(crate) fn push(&mut self, element: T) {
        if self.open.len() == self.open.capacity() {
            self.make_room();
        }
        self.open.push(element);
    }

    /// Makes room for another element.
    #[cold]
    fn make_room(&mut self) {
        if self.open.len() >= Self::LEN {
            self.close();
        }
        let room = (2 * self.open.len()).clamp(if self.closed.is_empty() { FIRST } else { Self::LEN }, Self::LEN);
        self.open.reserve_exact(room - self.open.len());
    }

    fn close(&mut self) {
        self.closed_len += self.open.len();
        self.closed.push(mem::take(&mut self.open));
    }

    /// Takes all elements of another list. Copies a segment at most.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.closed.append(&mut other.closed);
        self.closed_len += other.closed_len;
        if self.open.len() < other.open.len() {
            mem::swap(&mut self.open, &mut other.open);
        }
        if self.open.len() + other.open.len() <= Self::LEN {
            self.open.append(&mut other.open);
        } else {
            // Both together fill more than a segment: so all are at least half full on average.
            self.close();
            self.open = other.open;
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.closed_len + self.open.len()
    }

    /// Returns the bytes of memory that hold the elements.
    pub(crate) fn bytes(&self) -> usize {
        let segments = self.closed.iter().chain([&self.open]);
        segments.map(|segment| segment.capacity() * size_of::<T>()).sum::<usize>()
            + self.closed.capacity() * size_of::<Vec<T>>()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.closed.iter().chain([&self.open]).flatten()
    }

    /// Removes the last element.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.open.is_empty() {
            self.reopen();
        }
        self.open.pop()
    }

    /// Removes all elements but the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        while self.len() > len {
            let more = self.len() - len;
            self.open.truncate(self.open.len().saturating_sub(more));
            if self.open.is_empty() {
                self.reopen();
            }
        }
    }

    /// Makes the segment the open one that was closed last.
    #[cold]
    fn reopen(&mut self) {
        while self.open.is_empty()
            && let Some(last) = self.closed.pop()
        {
            self.closed_len -= last.len();
            self.open = last;
        }
    }

    /// Returns the element that so many others lie above, if its segment is that of the last one.
    #[inline]
    pub(crate) fn below(&self, others: usize) -> Option<&T> {
        self.open.len().checked_sub(others + 1).map(|nth| &self.open[nth])
    }

    /// Splits off half of the elements, the first ones, but no more than `most`, and no more than a
    /// segment.
    pub(crate) fn split_off_first(&mut self, most: usize) -> Vec<T> {
        let half = most.min(self.len() / 2);
        let Some(first) = self.closed.first_mut() else { return self.open.drain(..half).collect() };
        if half < first.len() {
            self.closed_len -= half;
            return first.drain(..half).collect();
        }
        self.closed_len -= first.len();
        self.closed.remove(0)
    }

    /// Turns the order around, and drops the elements that `keep` refuses. It is asked in the new
    /// order.
    pub(crate) fn reverse(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.close();
        self.closed.reverse();
        for segment in &mut self.closed {
            segment.reverse();
            segment.retain(&mut keep);
        }
        self.closed_len = self.closed.iter().map(Vec::len).sum();
    }
}

impl<T: Ord + Copy> Segments<T> {
    /// Sorts the elements, and removes duplicates.
    pub(crate) fn sort_and_dedup(&mut self) {
        self.close();
        self.closed_len = 0;
        let mut sorted: Vec<vec::IntoIter<T>> = Vec::with_capacity(self.closed.len());
        for mut segment in self.closed.drain(..) {
            segment.sort_unstable();
            segment.dedup();
            sorted.push(segment.into_iter());
        }
        let mut least = BinaryHeap::with_capacity(sorted.len());
        least.extend(sorted.iter_mut().enumerate().filter_map(|(nth, rest)| Some(Reverse((rest.next()?, nth)))));
        let mut last = None;
        while let Some(Reverse((element, nth))) = least.pop() {
            if last.replace(element) != Some(element) {
                self.push(element);
            }
            least.extend(sorted[nth].next().map(|next| Reverse((next, nth))));
        }
    }
}

impl<T> Extend<T> for Segments<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        elements.into_iter().for_each(|element| self.push(element));
    }
}

impl<T> From<Vec<T>> for Segments<T> {
    fn from(open: Vec<T>) -> Self {
        Self { open, ..Self::default() }
    }
}

impl<T> IntoIterator for Segments<T> {
    type Item = T;
    type IntoIter = core::iter::Flatten<vec::IntoIter<Vec<T>>>;

    fn into_iter(mut self) -> Self::IntoIter {
        self.close();
        self.closed.into_iter().flatten()
    }
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use super::*;

    const LEN: usize = Segments::<u64>::LEN;

    fn of(elements: impl IntoIterator<Item = u64>) -> Segments<u64> {
        let mut all = Segments::default();
        all.extend(elements);
        all
    }

    #[test]
    fn what_was_added_is_found_in_order() {
        for len in [0, 1, FIRST, LEN - 1, LEN, LEN + 1, 3 * LEN + 7] {
            let expected: Vec<u64> = (0..len as u64).collect();
            let all = of(expected.iter().copied());
            assert_eq!(all.len(), len);
            assert!(all.iter().eq(&expected));
            assert!(all.into_iter().eq(expected.iter().copied()));
            let mut all = of(expected.iter().copied());
            let popped = core::iter::from_fn(|| all.pop());
            assert!(popped.eq(expected.into_iter().rev()));
            assert_eq!((all.len(), all.pop()), (0, None));
        }
    }

    #[test]
    fn memory_is_in_proportion_and_no_piece_is_large() {
        assert_eq!(Segments::<u64>::default().bytes(), 0);
        let mut all = Segments::default();
        for n in 0..5 * LEN {
            all.push(n as u64);
            assert!(all.open.capacity() <= LEN, "{}", all.open.capacity());
            let least = all.len() * 8;
            assert!(all.bytes() <= 2 * least + FIRST * 8 + SEGMENT, "{} for {least}", all.bytes());
        }
        assert!(all.closed.iter().all(|segment| segment.capacity() == LEN));
    }

    #[test]
    fn lists_are_joined_without_a_copy_of_more_than_a_segment() {
        let mut all = Segments::default();
        let mut expected = Vec::new();
        for (nth, len) in [3, LEN - 1, 2 * LEN, 0, 5, LEN, 7 * LEN / 2, LEN / 2 + 1].into_iter().enumerate() {
            let elements = (0..len as u64).map(|n| n << 8 | nth as u64);
            expected.extend(elements.clone());
            all.append(of(elements));
            assert_eq!(all.len(), expected.len());
        }
        assert!(all.closed.len() <= 2 * expected.len() / LEN + 1, "{} segments", all.closed.len());
        let mut found: Vec<u64> = all.into_iter().collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_order_is_turned_around_and_what_is_not_wanted_is_dropped() {
        for len in [0, 1, LEN, 3 * LEN + 7] {
            let mut all = of(0..len as u64);
            let mut asked = Vec::new();
            all.reverse(|&n| {
                asked.push(n);
                n % 3 == 0
            });
            assert!(asked.into_iter().eq((0..len as u64).rev()));
            assert_eq!(all.len(), len.div_ceil(3));
            assert!(core::iter::from_fn(|| all.pop()).eq((0..len as u64).step_by(3)));
        }
    }

    #[test]
    fn the_last_elements_are_removed_across_segments() {
        let mut all = of(0..(3 * LEN + 5) as u64);
        for len in [4 * LEN, 3 * LEN + 5, 3 * LEN + 1, 3 * LEN, 2 * LEN + 7, LEN - 1, 1, 0, 0] {
            all.truncate(len);
            assert!(all.iter().copied().eq(0..len.min(3 * LEN + 5) as u64), "{len}");
        }
    }

    #[test]
    fn halves_are_split_off() {
        let mut all = of(0..9);
        assert_eq!((all.below(2), all.below(9)), (Some(&6), None));
        assert!(all.split_off_first(100).into_iter().eq(0..4));
        assert!(all.iter().copied().eq(4..9));
        let len = 2 * LEN + 5;
        let mut all = of(0..len as u64);
        assert!(all.split_off_first(100).into_iter().eq(0..100));
        assert!(all.split_off_first(2 * LEN).into_iter().eq(100..LEN as u64), "what is left of the first segment");
        assert!(all.split_off_first(3).into_iter().eq(LEN as u64..LEN as u64 + 3));
        assert_eq!(all.len(), LEN + 2);
        assert!(all.iter().copied().eq(LEN as u64 + 3..len as u64));
        assert_eq!(of([1]).split_off_first(9), []);
        assert_eq!(of([]).split_off_first(9), []);
    }

    #[test]
    fn duplicates_are_removed_across_segments() {
        let mut all = of((0..4 * LEN as u64).map(|n| n * 7919 % 1000));
        all.sort_and_dedup();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().copied().eq(0..1000));
        assert!(all.bytes() <= 2 * 8 * 1000, "what was removed takes no memory: {}", all.bytes());
        let mut different = of((0..2 * LEN as u64 + 3).rev());
        different.sort_and_dedup();
        assert!(different.into_iter().eq(0..2 * LEN as u64 + 3));
    }
}
