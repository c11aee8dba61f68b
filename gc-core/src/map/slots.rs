//! Where the slots of a table lie: in groups, which lie in segments, which are made when they are
//! needed.
//!
//! A group is as large as a cache line: seven slots, and the tags of what they hold. A reader looks
//! for the tag of its key, so it looks at hardly any entry but the one that it wants. (The tags are
//! those of F14, Bronson and Shi, *Open-sourcing F14 for faster, more memory-efficient hash
//! tables*, 2019.)
//!
//! - **[concurrent-map.tags]** The tag of a slot is 0 until an entry has been stored there, and
//!   from then on seven bits of the entry's hash, for ever: all entries that a slot ever has are of
//!   one hash ([concurrent-map.one-slot]). So a slot with another tag than a key's has never had
//!   the key. A slot with tag 0 is looked at, unless [concurrent-map.home] makes that needless.
//! - **[concurrent-map.dead-tags]** The eighth bit of a tag is cleared after its slot has become
//!   REMOVED, which it stays. So what a key that came and went has left costs those who look for it
//!   nothing but the room. A thread that sets the tag late sets the bit again: then the slot is
//!   looked at.
//! - **[concurrent-map.segments]** A segment that is not there is one of empty slots. It is made
//!   before one of them is filled, and stays. Where the table moves first, the segment is one of no
//!   groups instead: all its slots are CLOSED.

#[cfg(not(any(gc_loom, gc_shuttle)))]
use crate::Trace;
use crate::{
    Leaf, Slot,
    sync::atomic::{AtomicU64, Ordering},
};

use super::node::Node;

/// The slots of a group, and their tags: a byte for each.
#[cfg_attr(not(any(gc_loom, gc_shuttle)), derive(Trace))]
pub(crate) struct Group<'gc, K, V> {
    tags: Leaf<AtomicU64>,
    pub(crate) slots: [Slot<'gc, Node<'gc, K, V>>; SLOTS],
}

/// Groups of a table that follow each other: [`SEGMENT`], all of a smaller table, or none where
/// they are CLOSED.
pub(crate) type Segment<'gc, K, V> = [Group<'gc, K, V>];

/// The segments of a table, as far as they are there.
pub(crate) type Spine<'gc, K, V> = [Slot<'gc, Segment<'gc, K, V>>];

/// What is where a group should be.
pub(crate) enum Place<'gc, K, V> {
    Group(&'gc Group<'gc, K, V>),
    /// Seven empty slots.
    Unmade,
    /// Seven CLOSED slots.
    Closed,
}

/// The slots of a group.
pub(crate) const SLOTS: usize = 7;

/// The groups of a segment: 64 KiB, which are written in a few microseconds. In models each one has
/// a segment.
pub(crate) const SEGMENT: usize = if cfg!(any(gc_loom, gc_shuttle)) { 1 } else { 1024 };

impl<'gc, K, V> Group<'gc, K, V> {
    pub(crate) fn new() -> Self {
        Self { tags: Leaf(AtomicU64::new(0)), slots: core::array::from_fn(|_| Slot::null()) }
    }

    /// Returns the slots that may have a key of this hash, in their order: those of its tag, and
    /// those without one. It may return others behind these as well.
    #[inline(always)]
    pub(crate) fn candidates(&self, hash: u32) -> Candidates {
        let tags = self.tags();
        Candidates(tags.like(hash).0 | tags.unused().0)
    }

    #[inline(always)]
    pub(crate) fn tags(&self) -> Tags {
        // Acquire: who sees a tag sees that the slot is in use.
        Tags(self.tags.load(Ordering::Acquire))
    }

    /// Returns how many slots of this tag have lost their entries for good.
    pub(crate) fn removed_like(&self, hash: u32) -> u32 {
        // Relaxed: a figure.
        let others = self.tags.load(Ordering::Relaxed) ^ ((tag(hash) & 0x7F) * LOWEST);
        // The highest bit of each byte that is not 0. No sum of two bytes is carried over.
        let differ = others | ((others & !HIGHEST & (0xFF * LOWEST)) + 0x7F * LOWEST);
        (!differ & HIGHEST).count_ones()
    }

    /// Says that a slot has become REMOVED.
    pub(crate) fn clear_tag(&self, slot: usize) {
        // Release: see `candidates`.
        self.tags.fetch_and(!(0x80 << (8 * slot)), Ordering::Release);
    }

    /// Says what hash the entries of a slot have. Their first one has been stored.
    #[inline]
    pub(crate) fn set_tag(&self, slot: usize, hash: u32) {
        let bits = tag(hash) << (8 * slot);
        // Relaxed: a tag that is there says all. Release: see `candidates`.
        if self.tags.load(Ordering::Relaxed) & bits != bits {
            self.tags.fetch_or(bits, Ordering::Release);
        }
    }
}

/// The tags of a group, at one moment.
pub(crate) struct Tags(u64);

impl Tags {
    /// Returns the slots of the tag of this hash, and perhaps others behind these.
    #[inline(always)]
    pub(crate) fn like(&self, hash: u32) -> Candidates {
        Candidates(zero(self.0 ^ (tag(hash) * LOWEST)))
    }

    /// Returns the slots without a tag, and perhaps others behind these.
    #[inline(always)]
    pub(crate) fn unused(&self) -> Candidates {
        Candidates(zero(self.0))
    }
}

/// Slots of a group: the highest bit is set of the byte of each.
pub(crate) struct Candidates(u64);

impl Iterator for Candidates {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() / 8;
        self.0 &= self.0 - 1;
        Some(slot as usize)
    }
}

/// Returns the tag of a hash: its lowest bits, as homes depend on the highest ones. Without the
/// highest bit it is not 0 either.
#[inline(always)]
fn tag(hash: u32) -> u64 {
    u64::from((hash & 0x7F).max(1) | 0x80)
}

/// Returns a word in which the highest bit of each slot's byte is set that is 0, and perhaps of
/// those of value 1 above such a one.
#[inline(always)]
fn zero(bytes: u64) -> u64 {
    bytes.wrapping_sub(LOWEST) & !bytes & HIGHEST
}

/// The lowest and the highest bit of the byte of each slot.
const LOWEST: u64 = 0x0001_0101_0101_0101;
const HIGHEST: u64 = LOWEST << 7;

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use super::*;

    fn candidates(group: &Group<'_, u64, u64>, hash: u32) -> Vec<usize> {
        group.candidates(hash).collect()
    }

    #[test]
    fn all_slots_without_tags_are_candidates() {
        assert_eq!(candidates(&Group::new(), 0), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn slots_of_the_tag_are_candidates_in_order() {
        for hash in 0..0x80 {
            let group = Group::new();
            for slot in 0..SLOTS {
                group.set_tag(slot, if slot % 3 == 1 { hash } else { hash ^ 0x40 });
                group.set_tag(slot, if slot % 3 == 1 { hash } else { hash ^ 0x40 });
            }
            assert_eq!(candidates(&group, hash), [1, 4]);
            assert_eq!(candidates(&group, hash ^ 0x40), [0, 2, 3, 5, 6]);
        }
    }

    #[test]
    fn slots_of_a_tag_and_slots_without_one_are_told_apart() {
        for hash in 0..0x80 {
            let group = Group::<u64, u64>::new();
            (0..4).for_each(|slot| group.set_tag(slot, if slot == 2 { hash } else { hash ^ 0x40 }));
            let tags = group.tags();
            assert_eq!((tags.like(hash).next(), tags.like(hash ^ 0x20).next()), (Some(2), None));
            assert_eq!(tags.unused().collect::<Vec<_>>(), [4, 5, 6]);
            (4..SLOTS).for_each(|slot| group.set_tag(slot, hash));
            assert_eq!(group.tags().unused().next(), None);
        }
    }

    #[test]
    fn slots_that_lost_their_entries_are_no_candidates() {
        for hash in 0..0x80 {
            let group = Group::new();
            (0..SLOTS).for_each(|slot| group.set_tag(slot, hash));
            for lost in [0, 2, 3, 6] {
                group.clear_tag(lost);
            }
            assert_eq!((candidates(&group, hash), group.removed_like(hash)), (vec![1, 4, 5], 4));
            assert_eq!((group.removed_like(hash ^ 0x40), group.removed_like(hash ^ 2)), (0, 0));
            // A thread that sets a tag late.
            group.set_tag(3, hash);
            assert_eq!((candidates(&group, hash), group.removed_like(hash)), (vec![1, 3, 4, 5], 3));
        }
    }

    /// Whatever tags there are, none that is wanted is missed, and all slots without one are looked
    /// at.
    #[test]
    fn no_slot_of_the_tag_is_missed() {
        let mut random = 1_u64;
        for _ in 0..100_000 {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let (group, tags, hash) = (Group::<u64, u64>::new(), random >> 8, (random >> 5) as u32 & 3);
            let tag_of = |slot: usize| (tags >> (8 * slot)) as u32 & 3;
            let has_tag = |slot: usize| tags >> (8 * slot + 2) & 1 == 0;
            (0..SLOTS).filter(|&slot| has_tag(slot)).for_each(|slot| group.set_tag(slot, tag_of(slot)));
            let found = candidates(&group, hash);
            for slot in 0..SLOTS {
                let wanted = !has_tag(slot) || tag_of(slot) == hash;
                assert!(found.contains(&slot) || !wanted, "slot {slot} of {tags:x} for {hash}");
            }
            assert!(found.is_sorted());
        }
    }
}
