//! Allocation in old cells beside the marker: `old::allocate`, `memory::bitmap`.
//!
//! A mutator allocates an object in the block in which the marker marks another one, and publishes it in a slot that the marker reads.
//!
//! - Who finds the object finds it marked, so it is never traced: what it points to was there when marking began ([old-cells.born-marked]).
//! - No mark is lost that is set in the same word meanwhile ([bitmap.shared]).
//! - When the mutator is stopped, its block has both objects, and is closed ([old-cells.stopped]).

use core::ptr;

use crate::{
    Arc, check,
    memory::AddressMap,
    must_fail,
    object::{PLAIN, PointerSlot},
    old::allocate::OldCells,
    space::{AnyMemory, old::OldSpace},
    sync::mutant,
    thread,
};

fn allocate_beside_the_marker() {
    check(|| {
        let mut space = OldSpace::new(AddressMap::new()).unwrap();
        let bits = space.bits.clone();
        assert!(space.ensure_empty(1, &AnyMemory));
        let cells = OldCells::new();
        cells.set_types(&[&PLAIN]);
        assert!(cells.advance(0, &mut space, |space, class| space.open(class)).is_some());
        let granule = |address: *mut u8| space.bits.granule(address.addr());
        // Before marking began.
        let first = granule(cells.take(0, &bits, &PLAIN, false).unwrap());
        let slot = Arc::new(PointerSlot::new(ptr::null_mut()));
        let marker = {
            let (bits, slot) = (bits.clone(), slot.clone());
            thread::spawn(move || {
                assert!(bits.marks.set_shared(first), "nobody else marks it");
                let found = slot.get();
                if !found.is_null() {
                    assert!(!bits.marks.set_shared(bits.granule(found.addr())), "what was allocated is traced");
                }
            })
        };
        let second = cells.take(0, &bits, &PLAIN, true).unwrap();
        slot.publish(second);
        marker.join().unwrap();
        for granule in [first, granule(second)] {
            assert!(bits.marks.is_set(granule), "a mark is lost");
            assert!(bits.allocated.is_set(granule), "an object is lost");
        }
        assert!(cells.take(0, &bits, &PLAIN, true).is_none(), "a block has two cells");
        cells.retire(&mut space);
        assert_eq!((space.live_objects, space.used_blocks()), (2, 1));
    });
}

#[test]
fn what_is_allocated_is_marked_and_no_mark_is_lost() {
    allocate_beside_the_marker();
}

#[test]
fn mutant_allocating_unmarked_is_found() {
    must_fail("old_cells::mutant_allocating_unmarked_is_found", mutant::ALLOCATED_UNMARKED, allocate_beside_the_marker);
}

#[test]
fn mutant_marking_by_load_and_store_is_found() {
    must_fail(
        "old_cells::mutant_marking_by_load_and_store_is_found",
        mutant::MARK_BY_LOAD_AND_STORE,
        allocate_beside_the_marker,
    );
}
