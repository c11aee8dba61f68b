//! Recording of pointers into evacuation candidates: `space::candidates`, `barrier`, `space::old`.
//!
//! - When marking ends, every slot that holds a pointer into a block that is still a candidate was recorded: by the marker that read
//!   it, or by the barrier that stored it ([candidates.recorded]).
//! - A block for which a place was not recorded has left, no matter which thread counted the place ([candidates.leave]).
//! - Nothing is promoted into a candidate ([candidates.pauses]).

use core::{ptr, ptr::NonNull};

use crate::{
    Arc,
    barrier::{Barrier, SatbQueue},
    check,
    memory::{AddressMap, BLOCK, OLD},
    must_fail,
    object::PointerSlot,
    safepoint::Poll,
    space::{
        AnyMemory,
        candidates::{Candidates, Recorded},
        large::RunTable,
        old::{Bits, OldSpace},
    },
    sync::{
        atomic::Ordering,
        mutant::{self, Mutant},
    },
    thread,
};

/// The marker does not record what it reads.
const READS_ARE_NOT_RECORDED: Mutant = Mutant::of_model("reads_are_not_recorded");

/// An object in block 0, which is a candidate, and one in block 1, which is none.
fn sparse() -> *mut u8 {
    ptr::without_provenance_mut(OLD + 16)
}

fn dense() -> *mut u8 {
    ptr::without_provenance_mut(OLD + BLOCK + 16)
}

struct World {
    slots: [PointerSlot; 2],
    bits: Arc<Bits>,
    candidates: Arc<Candidates>,
}

impl World {
    /// Returns a heap in which the first slot holds a pointer into a candidate, and the second one does not.
    fn new(places: usize) -> Arc<Self> {
        let candidates = Arc::new(Candidates::new(AddressMap::new()).unwrap());
        candidates.begin(&[0], places, places);
        let slots = [PointerSlot::new(sparse()), PointerSlot::new(dense())];
        Arc::new(Self { slots, bits: OldSpace::new(AddressMap::new()).unwrap().bits.clone(), candidates })
    }

    /// Reads both slots as the marker does.
    fn mark(&self) {
        let mut recorded = Recorded::default();
        for slot in &self.slots {
            let target = slot.load(Ordering::Acquire);
            let counts = self.candidates.count(target.addr());
            if counts && !READS_ARE_NOT_RECORDED.is_planted() {
                recorded.pointer_slots.push(NonNull::from(slot));
            }
        }
        self.candidates.hand_over(recorded);
    }

    /// Stores these values as a mutator does.
    fn store(&self, stores: &[(usize, *mut u8)]) {
        let satb = Arc::new(SatbQueue::new());
        let barrier =
            Barrier::new(AddressMap::new(), Arc::new(RunTable), self.bits.clone(), satb, self.candidates.clone(), 8);
        barrier.set_marking(true);
        for &(slot, value) in stores {
            barrier.store(&Poll::new(), &self.slots[slot], value);
        }
        barrier.hand_over();
    }

    /// Checks, at the end of marking, that every slot that leads into a candidate was recorded.
    fn assert_recorded(&self) {
        let recorded = self.candidates.take();
        for slot in &self.slots {
            let leads = self.candidates.contains(slot.load(Ordering::Relaxed).addr());
            assert!(!leads || recorded.pointer_slots.contains(&NonNull::from(slot)), "a place is not recorded");
        }
    }
}

/// A marker reads, while a mutator copies the pointer to the other slot, takes it away and copies it again.
fn marker_and_store() {
    check(|| {
        let world = World::new(8);
        let marker = {
            let world = world.clone();
            thread::spawn(move || world.mark())
        };
        world.store(&[(1, sparse()), (1, ptr::null_mut()), (1, sparse())]);
        marker.join().unwrap();
        world.assert_recorded();
    });
}

/// Two mutators and a marker count more places than are recorded for a block.
fn too_many() {
    check(|| {
        let world = World::new(1);
        let marker = {
            let world = world.clone();
            thread::spawn(move || world.mark())
        };
        world.store(&[(1, sparse())]);
        marker.join().unwrap();
        world.assert_recorded();
    });
}

/// A pause chooses a block that has free cells, and promotes afterwards.
fn choice_and_promotion() {
    check(|| {
        let mut old = OldSpace::new(AddressMap::new()).unwrap();
        assert!(old.ensure_empty(2, &AnyMemory));
        let class = crate::object::size_class::SizeClass::of(BLOCK / 2).unwrap();
        let block = old.open(class).unwrap();
        old.close_open(block, 1);
        let candidates = Arc::new(Candidates::new(AddressMap::new()).unwrap());
        old.unlist(&[block]);
        candidates.begin(&[block], 8, 8);
        let reader = {
            let candidates = candidates.clone();
            thread::spawn(move || candidates.count(OLD + BLOCK * block as usize))
        };
        let opened = old.open(class).unwrap();
        assert!(candidates.count(OLD + BLOCK * block as usize) && reader.join().unwrap());
        assert_ne!(opened, block, "an object is promoted into a candidate");
    });
}

#[test]
fn every_place_is_recorded() {
    marker_and_store();
}

#[test]
fn a_block_with_too_many_places_leaves() {
    too_many();
}

#[test]
fn nothing_is_promoted_into_a_candidate() {
    choice_and_promotion();
}

#[test]
fn mutant_stores_that_are_not_recorded_are_found() {
    must_fail(
        "candidates::mutant_stores_that_are_not_recorded_are_found",
        mutant::STORES_ARE_NOT_RECORDED,
        marker_and_store,
    );
}

#[test]
fn mutant_reads_that_are_not_recorded_are_found() {
    must_fail("candidates::mutant_reads_that_are_not_recorded_are_found", READS_ARE_NOT_RECORDED, marker_and_store);
}

#[test]
fn mutant_a_block_that_stays_with_too_many_places_is_found() {
    must_fail(
        "candidates::mutant_a_block_that_stays_with_too_many_places_is_found",
        mutant::TOO_MANY_PLACES_STAY,
        too_many,
    );
}

#[test]
fn mutant_candidates_that_stay_listed_are_found() {
    must_fail(
        "candidates::mutant_candidates_that_stay_listed_are_found",
        mutant::CANDIDATES_STAY_LISTED,
        choice_and_promotion,
    );
}
