//! A big cell, traced in pieces by a marker that gives its lock back in between, against a writer: `barrier::big_cells`,
//! `trace::pieces`, `barrier`, `object::cell_word`.
//!
//! - All that the cell held when marking began is marked, or on the marker's way, when the marker has nothing left to trace and the
//!   writer's buffers are handed over ([big-cells.whole]).
//!
//! A piece is one element here (`stand_ins/workers.rs`), and the cell has three.

use core::{ptr, sync::atomic::Ordering};

use crate::{
    Arc,
    barrier::{Barrier, CellPiece, SatbLogger, SatbQueue},
    check,
    memory::{AddressMap, OLD},
    must_fail,
    object::{
        EphemeronPair, PointerSlot, TraceFns, TypeInfo, TypeShape,
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
    trace::{
        Trace, Visitor,
        pieces::{self, InPieces, Pieces, Position},
        sealed,
    },
    workers::PIECE,
};

const ELEMENTS: usize = 3;

fn address(object: usize) -> *mut u8 {
    ptr::without_provenance_mut(OLD + 16 * object)
}

/// A cell of pointers, as `GcCell` is laid out.
#[repr(C)]
struct Cell {
    word: CellWord,
    content: [PointerSlot; ELEMENTS],
}

struct World {
    cell: Cell,
    bits: Arc<Bits>,
    satb: Arc<SatbQueue>,
}

/// Finds what the cell holds.
struct Finder {
    pieces: Pieces,
    found: Vec<*mut u8>,
}

impl sealed::Visitor for Finder {}

impl InPieces for Finder {
    fn pieces(&mut self) -> &mut Pieces {
        &mut self.pieces
    }
}

impl Visitor for Finder {
    const MOVES: bool = false;

    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot) {
        // SAFETY: the caller's: a pointer slot.
        self.found.push(unsafe { &*pointer_slot }.load(Ordering::Acquire));
    }

    unsafe fn cell<T: Trace>(&mut self, _: *mut CellWord, _: *mut T) {
        unreachable!("a cell in a cell")
    }

    unsafe fn ephemeron(&mut self, _: *mut EphemeronPair) {
        unreachable!("a pair in a cell")
    }

    fn elements(&mut self, len: usize, element: impl FnMut(&mut Self, usize)) {
        pieces::elements(self, len, element);
    }

    fn whole(&mut self, visit: impl FnMut(&mut Self)) {
        pieces::whole(self, visit);
    }
}

/// Visits the elements of a cell.
///
/// # Safety
///
/// `content` is that of a cell.
unsafe fn visit<V: Visitor>(content: *mut PointerSlot, visitor: &mut V) {
    // SAFETY: the caller's: a cell has so many elements.
    visitor.elements(ELEMENTS, |visitor, index| unsafe { visitor.pointer_slot(content.wrapping_add(index)) });
}

/// Logs the pointers of a cell's content.
///
/// # Safety
///
/// `content` is that of a cell, `logger` a logger.
unsafe fn log_old_value(content: *mut u8, _: usize, logger: *mut u8) {
    // SAFETY: the caller's.
    unsafe { visit(content.cast(), &mut *logger.cast::<SatbLogger<'_>>()) };
}

/// The type of the content.
static CONTENT: TypeInfo = TypeInfo {
    trace: TraceFns { log_old_value },
    shape: TypeShape { align: align_of::<PointerSlot>() as u16, size_with_header: 16 },
    drop: None,
};

impl World {
    fn new() -> Arc<Self> {
        let content = core::array::from_fn(|index| PointerSlot::new(address(index + 1)));
        Arc::new(Self {
            cell: Cell { word: CellWord::new(), content },
            bits: OldSpace::new(AddressMap::new()).unwrap().bits.clone(),
            satb: Arc::new(SatbQueue::new()),
        })
    }

    /// Traces the cell, and tries again while it is being written. Returns what was found.
    fn mark(&self) -> Vec<*mut u8> {
        let (word, at) = (&self.cell.word, ptr::from_ref(&self.cell.word).addr());
        let mut finder = Finder { pieces: Pieces::none(), found: Vec::new() };
        let content = ptr::from_ref(&self.cell.content).cast_mut().cast();
        let mut met = false;
        loop {
            if word.try_read(CellUser::new(1, false, 0)).is_err() {
                thread::yield_now();
                continue;
            }
            let more = if met {
                let mut piece = |position: Position| {
                    finder.pieces.begin_at(position, PIECE);
                    // SAFETY: the cell's content, whose lock the marker has.
                    unsafe { visit(content, &mut finder) };
                    finder.pieces.end()
                };
                self.satb.big_cells.next_piece(at, &mut piece) == CellPiece::Traced
            } else {
                met = true;
                self.satb.big_cells.meet(at)
            };
            word.end_read(false);
            if !more {
                return finder.found;
            }
        }
    }

    /// Writes these elements, one in each guard. In between a pause takes the cell from the remembered set.
    fn write(&self, elements: &[usize]) {
        let barrier = Barrier::new(
            AddressMap::new(),
            Arc::new(RunTable),
            self.bits.clone(),
            self.satb.clone(),
            no_candidates(),
            8,
        );
        barrier.set_marking(true);
        for &element in elements {
            while self.cell.word.try_write(CellUser::new(1, false, 1)).is_err() {
                thread::yield_now();
            }
            barrier.cell(&Poll::new(), &self.cell.word, &CONTENT);
            self.cell.content[element].store(ptr::null_mut(), Ordering::Relaxed);
            self.cell.word.set_logged(false);
            self.cell.word.end_write(false);
        }
        barrier.hand_over();
    }

    fn run() {
        let world = Self::new();
        let writer = {
            let world = world.clone();
            thread::spawn(move || world.write(&[2, 0]))
        };
        let mut found = world.mark();
        writer.join().unwrap();
        let (mut marked, mut logged) = (Vec::new(), Vec::new());
        world.satb.take(&mut marked, &mut logged);
        found.extend(marked.into_iter().chain(logged.into_iter().flatten()).map(|object| object.as_ptr()));
        assert!((1..=ELEMENTS).all(|object| found.contains(&address(object))), "a live object is not marked");
    }
}

fn one_writer() {
    check(World::run);
}

#[test]
fn what_a_big_cell_held_is_found_though_it_is_written_between_pieces() {
    one_writer();
}

#[test]
fn mutant_a_cell_that_is_partly_traced_counts_as_traced_is_found() {
    must_fail(
        "big_cells::mutant_a_cell_that_is_partly_traced_counts_as_traced_is_found",
        mutant::PARTLY_IS_WHOLE,
        one_writer,
    );
}
