//! Giving empty blocks back against taking them again: `space::empty_blocks`, `space::old`.
//!
//! - A thread takes empty blocks off the list under the lock of the old generation, gives their memory back without it, and lists
//!   them as released ([group.bits]).
//! - Meanwhile another thread charges released blocks again, and promotes into them: nothing that it has written there, and no bit
//!   that it has set, is lost.
//! - The memory of a group that stays ready is given back in the same way ([group.idle]). A pause meanwhile has the blocks that were
//!   promised to promotion.
//!
//! A group has two blocks. One of them was released before.

use crate::{
    Arc, check,
    memory::{AddressMap, BLOCK},
    must_fail,
    object::size_class::SizeClass,
    space::{
        AnyMemory,
        empty_blocks::{Leaving, Unit},
        old::{Bits, OldSpace},
    },
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mutant::{self, Mutant},
    },
    thread,
};

/// Blocks are listed as released, or as ready, before their memory is given back.
const LISTED_BEFORE: Mutant = Mutant::of_model("listed_before");
/// A group is given back as idle though no other blocks are ready meanwhile.
const PROMISE_BROKEN: Mutant = Mutant::of_model("promise_broken");

struct World {
    old: Mutex<OldSpace>,
    bits: Arc<Bits>,
    /// What is in each block.
    memory: [AtomicUsize; 4],
}

impl World {
    fn new() -> Self {
        let mut space = OldSpace::new(AddressMap::new()).unwrap();
        assert!(space.ensure_empty(2, &AnyMemory));
        let bits = space.bits.clone();
        Self { old: Mutex::new(space), bits, memory: [0; 4].map(AtomicUsize::new) }
    }

    /// Gives back all but `keep` blocks, as the collector does.
    fn trim(&self, keep: usize) {
        let leaving = self.old.lock().take_surplus(keep, usize::MAX, Unit::Block);
        if LISTED_BEFORE.is_planted() {
            self.old.lock().put_released(&leaving);
            self.give_back(&leaving);
        } else {
            self.give_back(&leaving);
            self.old.lock().put_released(&leaving);
        }
    }

    fn give_back(&self, leaving: &[Leaving]) {
        for (first, count) in leaving.iter().flat_map(|leaving| leaving.pieces()) {
            for block in first..first + count {
                // Relaxed, here and below: the lock orders what uses a block.
                self.memory[block].store(0, Ordering::Relaxed);
            }
        }
        for first in leaving.iter().filter_map(|leaving| leaving.whole_group()) {
            // SAFETY: all blocks of the group were taken off the list, or the model finds the loss.
            unsafe { self.bits.release_group(first) };
        }
    }

    /// Gives back the memory of a group that stays ready, as the collector does. A block was promised to promotion.
    fn idle(&self) {
        let idle = self.old.lock().take_idle(0, usize::from(!PROMISE_BROKEN.is_planted()), &AnyMemory);
        let Some(idle) = idle else { return };
        if LISTED_BEFORE.is_planted() {
            self.old.lock().put_idle(idle);
        }
        for (first, count) in idle.pieces() {
            self.memory[first..first + count].iter().for_each(|block| block.store(0, Ordering::Relaxed));
        }
        if !LISTED_BEFORE.is_planted() {
            self.old.lock().put_idle(idle);
        }
    }

    /// Promotes an object into an empty block that is ready, as a pause does. Returns the block.
    fn promote_in_a_pause(&self) -> usize {
        let block = self.old.lock().open(SizeClass::from_index(0)).expect("the block that was promised") as usize;
        self.memory[block].store(1, Ordering::Relaxed);
        block
    }

    /// Promotes an object into an empty block. Returns the block.
    fn promote(&self) -> usize {
        let mut old = self.old.lock();
        assert!(old.ensure_empty(1, &AnyMemory));
        let block = old.open(SizeClass::from_index(0)).unwrap() as usize;
        self.memory[block].store(1, Ordering::Relaxed);
        self.bits.allocated.set(self.bits.granule(old.map.block_start(block)));
        block
    }

    fn is_whole(&self, block: usize) -> bool {
        let start = self.bits.map().old.start + block * BLOCK;
        self.memory[block].load(Ordering::Relaxed) == 1 && self.bits.allocated.is_set(self.bits.granule(start))
    }
}

/// One block is released, or both are ready.
fn trim_and_promote(keep: usize) {
    check(move || {
        let here = Arc::new(World::new());
        here.trim(keep);
        let there = here.clone();
        let trims = thread::spawn(move || there.trim(0));
        let block = here.promote();
        trims.join().unwrap();
        assert!(here.is_whole(block), "what was promoted is lost");
        let old = here.old.lock();
        assert_eq!((old.used_blocks(), old.charged_empty()), (1, old.ready()), "a block is on its way for ever");
    });
}

/// A group is ready, and idle; a pause promotes.
fn idle_and_promote() {
    check(|| {
        let here = Arc::new(World::new());
        // All groups have memory.
        while here.old.lock().take_bare(usize::MAX / 2).is_some() {}
        let there = here.clone();
        let trims = thread::spawn(move || there.idle());
        let block = here.promote_in_a_pause();
        trims.join().unwrap();
        assert_eq!(here.memory[block].load(Ordering::Relaxed), 1, "what was promoted is lost");
        let old = here.old.lock();
        assert_eq!((old.used_blocks(), old.charged_empty()), (1, old.ready()), "a block is on its way for ever");
    });
}

fn pieces() {
    trim_and_promote(1);
}

fn groups() {
    trim_and_promote(2);
}

#[test]
fn what_is_promoted_stays_though_the_rest_of_its_group_is_given_back() {
    pieces();
}

#[test]
fn what_is_promoted_stays_though_its_group_was_just_given_back() {
    groups();
}

#[test]
fn mutant_bits_given_back_for_a_part_of_a_group_are_found() {
    must_fail(
        "empty_blocks::mutant_bits_given_back_for_a_part_of_a_group_are_found",
        mutant::BITS_OF_A_GROUP_IN_PIECES,
        pieces,
    );
}

#[test]
fn mutant_blocks_listed_before_their_memory_is_given_back_are_found() {
    must_fail("empty_blocks::mutant_blocks_listed_before_their_memory_is_given_back_are_found", LISTED_BEFORE, pieces);
}

#[test]
fn a_pause_promotes_though_an_idle_group_is_given_back() {
    idle_and_promote();
}

#[test]
fn mutant_an_idle_group_listed_before_its_memory_is_given_back_is_found() {
    must_fail(
        "empty_blocks::mutant_an_idle_group_listed_before_its_memory_is_given_back_is_found",
        LISTED_BEFORE,
        idle_and_promote,
    );
}

#[test]
fn mutant_an_idle_group_that_promotion_was_promised_is_found() {
    must_fail(
        "empty_blocks::mutant_an_idle_group_that_promotion_was_promised_is_found",
        PROMISE_BROKEN,
        idle_and_promote,
    );
}
