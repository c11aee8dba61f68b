//! Reading a weak pointer while the words of dead targets are cleared: `barrier::write_barrier`, `memory::bitmap`.
//!
//! Marking has ended, and the target of a word has no mark. The collector clears the word, and then marks the target for a finalizer. A
//! mutator that reads the word meanwhile finds the target dead, whatever it sees first. The world is stopped before the threads start,
//! where the mode is set.

use core::ptr;

use crate::{
    Arc,
    barrier::{Barrier, Mode, SatbQueue},
    check,
    memory::{AddressMap, OLD},
    must_fail,
    object::PointerSlot,
    space::{
        large::RunTable,
        no_candidates,
        old::{Bits, OldSpace},
    },
    sync::mutant,
    thread,
};

fn address(object: usize) -> *mut u8 {
    ptr::without_provenance_mut(OLD + 16 * object)
}

struct World {
    dead: PointerSlot,
    alive: PointerSlot,
    bits: Arc<Bits>,
    satb: Arc<SatbQueue>,
}

fn reads() {
    check(|| {
        let bits = OldSpace::new(AddressMap::new()).unwrap().bits.clone();
        let (dead, alive) = (PointerSlot::new(address(0)), PointerSlot::new(address(1)));
        let world = Arc::new(World { dead, alive, bits, satb: Arc::new(SatbQueue::new()) });
        world.bits.marks.set(world.bits.granule(address(1).addr()));
        world.satb.weak_mode.set(Mode::Clearing);
        let collector = {
            let world = world.clone();
            thread::spawn(move || {
                world.dead.publish(ptr::null_mut());
                world.bits.marks.set_shared(world.bits.granule(address(0).addr()));
            })
        };
        let runs = Arc::new(RunTable);
        let barrier = Barrier::new(AddressMap::new(), runs, world.bits.clone(), world.satb.clone(), no_candidates(), 8);
        barrier.set_marking(true);
        assert_eq!(barrier.read_weak(&world.dead), None, "a dead target is read");
        assert!(barrier.read_weak(&world.alive).is_some(), "a live target is not read");
        collector.join().unwrap();
        assert_eq!(barrier.read_weak(&world.dead), None, "a dead target is read later");
    });
}

#[test]
fn what_was_dead_stays_dead_for_readers() {
    reads();
}

#[test]
fn mutant_a_word_that_is_read_once_is_found() {
    must_fail("weak_mode::mutant_a_word_that_is_read_once_is_found", mutant::WEAK_WORD_IS_READ_ONCE, reads);
}

/// Shuttle runs one thread at a time, so it cannot see what only the order of memory accesses shows.
#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_mark_is_found() {
    must_fail("weak_mode::mutant_a_relaxed_mark_is_found", mutant::RELAXED_MARK, reads);
}
