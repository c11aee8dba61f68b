//! Clearing against a mutator: `collector::clearing`, `registered`, `barrier::write_barrier`.
//!
//! Marking has ended, in a pause before the threads start. The pause that begins the sweep comes when they have ended, and frees what has
//! no mark.
//!
//! - A weak cell that a mutator took from an entry is marked, and the entry still has it. If the entry had forgotten it, the mutator has
//!   made another one ([clearing.cells], [registered.one-cell]).
//! - The target of a weak cell that was dead reads as dead, before it is marked for a finalizer and afterwards ([clearing.before-marks]).
//!   It is handed over once, and its news are told once.

use core::{cell::UnsafeCell, ptr::NonNull, time::Duration};

use crate::{
    Arc,
    barrier::{Barrier, Mode, SatbQueue},
    check,
    collector::clearing::{Clearing, Stage, Subject},
    memory::{AddressMap, BLOCK},
    must_fail,
    old::{mark::Marking, waiting::Waiting},
    registered::{Generations, Nothing, QueueId, Table, Watcher, WeakCell},
    space::{
        large::RunTable,
        no_candidates,
        old::{Bits, OldSpace},
    },
    sync::{Mutex, mutant},
    thread,
};

const PART: usize = 4 * BLOCK;
/// Places in memory.
const TARGET: usize = 0;
const OLD_CELL: usize = BLOCK;
const YOUNG_CELL: usize = PART;

/// The old part, and the young part behind it. Only weak cells are written.
#[repr(align(1024))]
struct Memory(UnsafeCell<[u8; 2 * PART]>);

struct World {
    memory: Box<Memory>,
    map: AddressMap,
    bits: Arc<Bits>,
    satb: Arc<SatbQueue>,
    table: Table,
    marking: Mutex<Marking>,
    waiting: Waiting,
    /// Takes the target when it is finalized.
    finalizers: QueueId,
    /// Has the news of its death.
    news: QueueId,
}

// SAFETY: the young cell is written under the lock of the table, by the mutator that makes it, and the old one before the threads start.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

impl World {
    /// Returns a world with an object of which one has a mark: the object, or its weak cell.
    fn new(marked: usize) -> Arc<Self> {
        let memory = Box::new(Memory(UnsafeCell::new([0; 2 * PART])));
        let mut map = AddressMap::new();
        map.old.start = memory.0.get().addr();
        map.young.start = map.old.start + PART;
        let bits = OldSpace::new(map).unwrap().bits.clone();
        let table = Table::new();
        let (finalizers, news) = (table.queues.open_objects(), table.queues.open_news());
        let marking = Mutex::new(Marking { bits: bits.clone() });
        let (satb, waiting) = (Arc::new(SatbQueue::new()), Waiting::new());
        let world = Self { memory, map, bits, satb, table, marking, waiting, finalizers, news };
        let cell = world.at(OLD_CELL);
        // SAFETY: the memory of a cell that nothing uses yet.
        unsafe { cell.cast().write(WeakCell::unused()) };
        // SAFETY: nothing is read at the target's address.
        unsafe { world.table.weak_cell(world.generations(), world.at(TARGET), |_| (), || cell.cast()) };
        world.bits.marks.set(world.granule(world.at(marked)));
        world.satb.weak_mode.set(Mode::Clearing);
        Arc::new(world)
    }

    fn at(&self, place: usize) -> NonNull<u8> {
        // SAFETY: in the memory.
        NonNull::new(unsafe { self.memory.0.get().cast::<u8>().add(place) }).unwrap()
    }

    fn granule(&self, object: NonNull<u8>) -> usize {
        self.bits.granule(object.addr().get())
    }

    fn generations(&self) -> Generations<'static> {
        Generations { map: self.map, runs: &RunTable }
    }

    fn barrier(&self) -> Barrier {
        let (runs, bits, satb) = (Arc::new(RunTable), self.bits.clone(), self.satb.clone());
        let barrier = Barrier::new(self.map, runs, bits, satb, no_candidates(), 8);
        barrier.set_marking(true);
        barrier
    }

    /// Takes the weak cell of the target, as `Gc::downgrade` does.
    fn weak_cell(&self, barrier: &Barrier) -> NonNull<WeakCell> {
        let make = || {
            let cell = self.at(YOUNG_CELL).cast();
            // SAFETY: the memory of a cell that nothing uses yet.
            unsafe { cell.write(WeakCell::unused()) };
            cell
        };
        let keep = |cell: NonNull<WeakCell>| barrier.keep(cell.cast());
        // SAFETY: nothing is read at the target's address, and one thread makes a cell, once.
        unsafe { self.table.weak_cell(self.generations(), self.at(TARGET), keep, make) }
    }

    /// Clears, as the concurrent thread does.
    fn clear(&self) {
        let Self { table, bits, marking, waiting, .. } = self;
        let subject = Subject { table, bits, runs: &RunTable, marking, waiting };
        let mut clearing = Clearing::default();
        clearing.begin();
        while clearing.stage() != Stage::Done {
            if clearing.stage() == Stage::Finalize {
                clearing.finalize(marking);
            }
            clearing.step(subject);
        }
    }
}

fn a_cell_is_taken() {
    check(|| {
        let world = World::new(TARGET);
        let collector = {
            let world = world.clone();
            thread::spawn(move || world.clear())
        };
        let cell = world.weak_cell(&world.barrier());
        collector.join().unwrap();
        let is_kept = cell == world.at(YOUNG_CELL).cast() || world.bits.marks.is_set(world.granule(cell.cast()));
        assert!(is_kept, "a weak cell that a mutator has is freed");
        let of_entry = world.table.with_existing(world.at(TARGET), |entry| entry.cell).flatten();
        assert_eq!(of_entry, Some(cell), "an object has two weak cells");
    });
}

fn the_dead_is_read() {
    check(|| {
        let world = World::new(OLD_CELL);
        world.table.with_existing(world.at(TARGET), |entry| {
            let extras = entry.extras_mut();
            extras.finalizers.push(world.finalizers);
            extras.watchers.push(Watcher { queue: world.news, notice: Box::new(()) });
        });
        let collector = {
            let world = world.clone();
            thread::spawn(move || world.clear())
        };
        let (barrier, queues) = (world.barrier(), &world.table.queues);
        // SAFETY: a cell that was written before the threads started.
        let dead = unsafe { world.at(OLD_CELL).cast::<WeakCell>().as_ref() };
        let (word, id) = (dead.target(), dead.id());
        assert_eq!(barrier.read_weak(word), None, "a dead target is read");
        let mut taken = queues.take_object(world.finalizers);
        if taken.is_some() {
            let cell = world.weak_cell(&barrier);
            assert_eq!(cell, world.at(YOUNG_CELL).cast(), "the weak cell of the dead is that of the finalized");
            // SAFETY: the cell that was made just now.
            assert_eq!(barrier.read_weak(unsafe { cell.as_ref() }.target()), taken, "what is finalized is not read");
        }
        collector.join().unwrap();
        assert_eq!(barrier.read_weak(word), None, "a dead target is read later");
        // The identity that the old cell tells stays that of the object.
        let of_entry = world.table.with_existing(world.at(TARGET), |entry| entry.id);
        assert_eq!(of_entry, Some(id), "an object that is finalized has another identity");
        taken = taken.or_else(|| queues.take_object(world.finalizers));
        assert_eq!(taken, Some(world.at(TARGET)), "a finalizable object is not handed over");
        assert_eq!(queues.take_object(world.finalizers), None, "an object is handed over twice");
        assert!(queues.take_news(world.news, Duration::ZERO).is_ok(), "a death is not told");
        assert_eq!(
            queues.take_news(world.news, Duration::ZERO).err(),
            Some(Nothing::TimedOut),
            "a death is told twice"
        );
    });
}

#[test]
fn a_cell_that_a_mutator_takes_is_kept_or_forgotten() {
    a_cell_is_taken();
}

#[test]
fn what_is_finalized_was_cleared_before() {
    the_dead_is_read();
}

#[test]
fn mutant_a_cell_that_is_kept_late_is_found() {
    must_fail("clearing::mutant_a_cell_that_is_kept_late_is_found", mutant::CELL_IS_KEPT_LATE, a_cell_is_taken);
}

#[test]
fn mutant_an_object_that_is_finalized_before_it_is_cleared_is_found() {
    must_fail(
        "clearing::mutant_an_object_that_is_finalized_before_it_is_cleared_is_found",
        mutant::FINALIZED_BEFORE_CLEARED,
        the_dead_is_read,
    );
}

#[test]
fn mutant_a_word_that_is_read_once_is_found() {
    must_fail("clearing::mutant_a_word_that_is_read_once_is_found", mutant::WEAK_WORD_IS_READ_ONCE, the_dead_is_read);
}

/// Shuttle runs one thread at a time, so it cannot see what only the order of memory accesses shows.
#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_mark_is_found() {
    must_fail("clearing::mutant_a_relaxed_mark_is_found", mutant::RELAXED_MARK, the_dead_is_read);
}
