//! Mark bits of one word, set by two markers and by a mutator's barrier: `memory::bitmap`, `barrier`.
//!
//! - Each bit has one winner, a thread that traces the object or hands it over to be traced. So every object is traced exactly
//!   once ([bitmap.shared], [mark.one-tracer], [satb.marked-by-pusher]).
//! - No bit is lost.
//!
//! The markers have found the same two objects. The mutator overwrites the slots that hold the second one and a third.

use core::ptr;

use crate::{
    Arc,
    barrier::{Barrier, SatbQueue},
    check,
    memory::{AddressMap, OLD},
    must_fail,
    object::PointerSlot,
    safepoint::Poll,
    space::{
        large::RunTable,
        no_candidates,
        old::{Bits, OldSpace},
    },
    sync::mutant,
    thread,
};

const OBJECTS: usize = 3;

fn address(object: usize) -> *mut u8 {
    ptr::without_provenance_mut(OLD + 16 * object)
}

fn object(address: *mut u8) -> usize {
    (address.addr() - OLD) / 16
}

/// Returns the objects that a marker traces, of those that it has found.
fn mark(bits: &Bits, found: [usize; 2]) -> Vec<usize> {
    found.into_iter().filter(|&object| bits.marks.set_shared(bits.granule(address(object).addr()))).collect()
}

/// Overwrites slots that hold these objects with null.
fn overwrite(barrier: &Barrier, held: [usize; 2]) {
    let poll = Poll::new();
    for object in held {
        barrier.store(&poll, &PointerSlot::new(address(object)), ptr::null_mut());
    }
    barrier.hand_over();
}

fn one_word() {
    check(|| {
        let bits = OldSpace::new(AddressMap::new()).unwrap().bits.clone();
        let satb = Arc::new(SatbQueue::new());
        let barrier =
            Barrier::new(AddressMap::new(), Arc::new(RunTable), bits.clone(), satb.clone(), no_candidates(), 8);
        barrier.set_marking(true);
        let markers = [[0, 1], [1, 0]].map(|found| {
            let bits = bits.clone();
            thread::spawn(move || mark(&bits, found))
        });
        overwrite(&barrier, [1, 2]);
        let mut traced: Vec<usize> = markers.into_iter().flat_map(|marker| marker.join().unwrap()).collect();
        let mut handed_over = Vec::new();
        satb.take(&mut handed_over, &mut Vec::new());
        traced.extend(handed_over.into_iter().map(|address| object(address.as_ptr())));
        traced.sort_unstable();
        assert_eq!(traced, [0, 1, 2], "an object is traced twice, or never");
        for object in 0..OBJECTS {
            assert!(bits.marks.is_set(bits.granule(address(object).addr())), "a mark is lost");
        }
    });
}

#[test]
fn each_bit_has_one_winner_and_none_is_lost() {
    one_word();
}

#[test]
fn mutant_marking_by_load_and_store_is_found() {
    must_fail("mark::mutant_marking_by_load_and_store_is_found", mutant::MARK_BY_LOAD_AND_STORE, one_word);
}

#[test]
fn mutant_a_look_that_decides_alone_is_found() {
    must_fail("mark::mutant_a_look_that_decides_alone_is_found", mutant::MARK_BY_LOOKING, one_word);
}
