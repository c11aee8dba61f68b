//! Snapshot at the beginning: the barrier and the SATB buffers against a concurrent marker: `barrier`, `object::cell_word`.
//!
//! The graph when marking begins: roots → A, C; A → B → D. Mutators move B about and cut A off from it. When all threads have
//! stopped and the marker has drained what was handed over, B and D must be marked. The world is stopped before the threads
//! start, where barriers are turned on, and after they have ended.

use core::{ptr, sync::atomic::Ordering};

use crate::{
    Arc,
    barrier::{Barrier, SatbLogger, SatbQueue},
    check,
    memory::{AddressMap, OLD, YOUNG},
    must_fail,
    object::{
        PointerSlot, TraceFns, TypeInfo, TypeShape,
        cell_word::{CellUser, CellWord},
    },
    safepoint::Poll,
    space::{
        large::RunTable,
        no_candidates,
        old::{Bits, OldSpace},
    },
    sync::mutant,
    thread,
    trace::Visitor,
};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const D: usize = 3;

fn address(object: usize) -> *mut u8 {
    ptr::without_provenance_mut(OLD + 16 * object)
}

struct World {
    slots: [PointerSlot; 4],
    cell: Cell,
    bits: Arc<Bits>,
    satb: Arc<SatbQueue>,
}

/// A cell in A, as `GcCell` is laid out.
#[repr(C)]
struct Cell {
    word: CellWord,
    content: PointerSlot,
}

impl World {
    /// Returns the graph with B in A's slot, or in A's cell.
    fn new(in_cell: bool) -> Arc<Self> {
        let null = || PointerSlot::new(ptr::null_mut());
        let b = || PointerSlot::new(address(B));
        Arc::new(Self {
            slots: [if in_cell { null() } else { b() }, PointerSlot::new(address(D)), null(), null()],
            cell: Cell { word: CellWord::new(), content: if in_cell { b() } else { null() } },
            bits: OldSpace::new(AddressMap::new()).unwrap().bits.clone(),
            satb: Arc::new(SatbQueue::new()),
        })
    }

    fn barrier(&self) -> Barrier {
        let runs = Arc::new(RunTable);
        let barrier = Barrier::new(AddressMap::new(), runs, self.bits.clone(), self.satb.clone(), no_candidates(), 8);
        barrier.set_marking(true);
        barrier
    }

    /// Marks from `stack`. Returns whether there were cells that were being written.
    fn mark(&self, mut stack: Vec<*mut u8>, mut scanned: Vec<*mut u8>, stopped: bool) -> bool {
        let mut deferred_cells = false;
        loop {
            let object = match (stack.pop(), scanned.pop()) {
                (Some(object), kept) => {
                    scanned.extend(kept);
                    if !self.bits.marks.set_shared(self.bits.granule(object.addr())) {
                        continue;
                    }
                    object
                }
                (None, Some(object)) => object,
                (None, None) => return deferred_cells,
            };
            let index = (object.addr() - OLD) / 16;
            let mut found = vec![self.slots[index].load(Ordering::Acquire)];
            if index == A {
                if stopped {
                    found.push(self.cell.content.get());
                } else if self.cell.word.try_read(marker()).is_ok() {
                    found.push(self.cell.content.get());
                    self.cell.word.end_read(false);
                } else {
                    deferred_cells = true;
                }
            }
            stack.extend(found.into_iter().filter(|target| target.addr() >= OLD));
        }
    }

    fn run(this: &Arc<Self>, mutators: &[fn(&World)]) {
        let threads: Vec<_> = mutators
            .iter()
            .map(|&mutator| {
                let world = this.clone();
                thread::spawn(move || mutator(&world))
            })
            .collect();
        let deferred_cells = this.mark(vec![address(C), address(A)], Vec::new(), false);
        for thread in threads {
            thread.join().unwrap();
        }
        let mut handed_over = Vec::new();
        this.satb.take(&mut handed_over, &mut Vec::new());
        let scanned = handed_over.into_iter().map(|object| object.as_ptr()).collect();
        let again = if deferred_cells { vec![this.cell.content.get()] } else { Vec::new() };
        let again = again.into_iter().filter(|target| target.addr() >= OLD).collect();
        this.mark(again, scanned, true);
        assert!(this.bits.marks.is_set(B) && this.bits.marks.is_set(D), "a live object is not marked");
    }
}

fn marker() -> CellUser {
    CellUser::new(1, false, 0)
}

/// Moves B to C, which the marker may have scanned, and cuts it off from A, which the marker may not have scanned.
fn hide(world: &World) {
    let (barrier, poll) = (world.barrier(), Poll::new());
    let found = world.slots[A].get();
    barrier.store(&poll, &world.slots[C], found);
    barrier.store(&poll, &world.slots[A], ptr::null_mut());
    barrier.hand_over();
}

/// Overwrites A's slot with a fresh object.
fn overwrite(world: &World) {
    let (barrier, poll) = (world.barrier(), Poll::new());
    barrier.store(&poll, &world.slots[A], ptr::without_provenance_mut(YOUNG + 16));
    barrier.hand_over();
}

/// Takes B out of A's slot and keeps it.
fn take(world: &World) {
    let (barrier, poll) = (world.barrier(), Poll::new());
    barrier.swap(&poll, &world.slots[A], ptr::null_mut());
    barrier.hand_over();
}

/// Takes B out of A's slot, and D out of B's.
fn take_both(world: &World) {
    let (barrier, poll) = (world.barrier(), Poll::new());
    barrier.swap(&poll, &world.slots[A], ptr::null_mut());
    barrier.swap(&poll, &world.slots[B], ptr::null_mut());
    barrier.hand_over();
}

/// Takes B out of A's cell and keeps it.
fn write_cell(world: &World) {
    let (barrier, poll) = (world.barrier(), Poll::new());
    while world.cell.word.try_write(CellUser::new(1, false, 1)).is_err() {
        thread::yield_now();
    }
    barrier.cell(&poll, &world.cell.word, &CONTENT);
    world.cell.content.store(ptr::null_mut(), Ordering::Relaxed);
    world.cell.word.end_write(false);
    barrier.hand_over();
}

/// The type of a cell's content that is one pointer.
static CONTENT: TypeInfo = TypeInfo {
    trace: TraceFns { log_old_value },
    shape: TypeShape { align: align_of::<PointerSlot>() as u16, size_with_header: 16 },
    drop: None,
};

/// Logs the pointer of a cell's content.
///
/// # Safety
///
/// `content` is that of a cell, `logger` a logger.
unsafe fn log_old_value(content: *mut u8, _: usize, logger: *mut u8) {
    // SAFETY: the caller's: a logger.
    let visitor = unsafe { &mut *logger.cast::<SatbLogger<'_>>() };
    // SAFETY: the caller's: the content is one pointer slot.
    unsafe { visitor.pointer_slot(content.cast()) };
}

fn a_store() {
    check(|| World::run(&World::new(false), &[hide]));
}

fn two_stores() {
    check(|| World::run(&World::new(false), &[take, overwrite]));
}

fn one_that_logs_as_many_as_are_looked_at_together() {
    check(|| World::run(&World::new(false), &[take_both]));
}

fn a_cell() {
    check(|| World::run(&World::new(true), &[write_cell]));
}

#[test]
fn what_was_reachable_is_marked_though_it_moves() {
    a_store();
}

#[test]
fn what_was_reachable_is_marked_though_two_overwrite_it() {
    two_stores();
}

#[test]
fn what_was_reachable_is_marked_though_one_overwrites_it_all() {
    one_that_logs_as_many_as_are_looked_at_together();
}

#[test]
fn mutant_marks_that_are_never_looked_at_are_found() {
    must_fail(
        "satb::mutant_marks_that_are_never_looked_at_are_found",
        mutant::LOGGED_ARE_FORGOTTEN,
        one_that_logs_as_many_as_are_looked_at_together,
    );
}

#[test]
fn what_was_in_a_cell_is_marked_though_it_is_written() {
    a_cell();
}

#[test]
fn mutant_a_barrier_without_deletion_is_found() {
    must_fail("satb::mutant_a_barrier_without_deletion_is_found", mutant::NO_SNAPSHOT, a_store);
}

#[test]
fn mutant_a_pause_that_forgets_what_was_logged_is_found() {
    must_fail("satb::mutant_a_pause_that_forgets_what_was_logged_is_found", mutant::LOGGED_ARE_FORGOTTEN, two_stores);
}

#[test]
fn mutant_a_barrier_without_deletion_is_found_in_cells() {
    must_fail("satb::mutant_a_barrier_without_deletion_is_found_in_cells", mutant::NO_SNAPSHOT, a_cell);
}
