//! The work that a collection still has to do, on explicit stacks.

use core::ptr::NonNull;

use crate::{memory::Segments, object::PointerSlot};

/// A range of a slice object that has not been traced yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SliceRange {
    pub(crate) slice: NonNull<u8>,
    /// The first element of the range. `until` is the one after the last.
    pub(crate) from: usize,
    pub(crate) until: usize,
}

/// Stacks of work: one worker's, or a packet on its way from one worker to another.
#[derive(Default)]
pub(crate) struct Packet {
    /// Pointer slots that hold pointers to from-space.
    pub(crate) places: Vec<NonNull<PointerSlot>>,
    /// Remembered pointer slots, which lie anywhere in old memory and may hold anything.
    pub(crate) remembered: Segments<NonNull<PointerSlot>>,
    /// Objects that still have to be traced.
    pub(crate) objects: Segments<NonNull<u8>>,
    pub(crate) slices: Vec<SliceRange>,
}

// SAFETY: these are addresses of heap memory; the code that has the packet is responsible for their use.
unsafe impl Send for Packet {}

/// Elements of a slice that are traced at once.
pub(crate) const PIECE: usize = 1024;
/// The most entries of each kind in a shared packet: more would only be shared back.
const PACKET: usize = 512;

impl Packet {
    /// Takes the next piece of the topmost slice range. The remainder of the range stays on the
    /// stack.
    pub(crate) fn next_piece(&mut self) -> Option<SliceRange> {
        let rest = self.slices.last_mut()?;
        let piece = SliceRange { until: rest.until.min(rest.from + PIECE), ..*rest };
        rest.from = piece.until;
        if rest.from == rest.until {
            self.slices.pop();
        }
        Some(piece)
    }

    /// Returns the number of entries, of any size.
    pub(crate) fn len(&self) -> usize {
        self.places.len() + self.remembered.len() + self.objects.len() + self.slices.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the entries of another packet.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.places.append(&mut other.places);
        self.remembered.append(other.remembered);
        self.objects.append(other.objects);
        self.slices.append(&mut other.slices);
    }

    /// Splits off half of everything, to be shared: the oldest half, from which most is reachable.
    /// Returns `None` if there is only one piece.
    pub(crate) fn split(&mut self) -> Option<Self> {
        let mut half = Self {
            places: oldest_half(&mut self.places),
            remembered: self.remembered.split_off_first(PACKET).into(),
            objects: self.objects.split_off_first(PACKET).into(),
            slices: oldest_half(&mut self.slices),
        };
        if half.slices.is_empty()
            && let Some(rest) = self.slices.last_mut()
            && rest.until - rest.from > PIECE
        {
            let middle = rest.from + (rest.until - rest.from) / 2;
            half.slices.push(SliceRange { from: middle, ..*rest });
            rest.until = middle;
        }
        (!half.is_empty()).then_some(half)
    }
}

fn oldest_half<T>(stack: &mut Vec<T>) -> Vec<T> {
    stack.drain(..(stack.len() / 2).min(PACKET)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(from: usize, until: usize) -> Packet {
        Packet { slices: vec![SliceRange { slice: NonNull::dangling(), from, until }], ..Packet::default() }
    }

    #[test]
    fn slices_come_in_pieces_and_split() {
        let mut work = slice(0, 3 * PIECE + 7);
        let mut half = work.split().unwrap();
        let mut lengths = Vec::new();
        for work in [&mut work, &mut half] {
            while let Some(piece) = work.next_piece() {
                lengths.push(piece.until - piece.from);
            }
        }
        assert!(lengths.iter().all(|&length| length <= PIECE));
        assert_eq!(lengths.iter().sum::<usize>(), 3 * PIECE + 7);
        assert!(slice(0, PIECE).split().is_none(), "one piece is not worth giving away");
    }
}
