//! Values that are traced in pieces ([mark.pieces]): big objects, and big cells.
//!
//! - **[rests.objects]** An object that owns big containers does not change in them. Its slots and
//!   cells were visited by the quick visit, which has recorded them too: a piece visits the slots
//!   again, and does not record them.
//! - **[rests.cells]** A cell may be written between two pieces. Then nothing is left to trace
//!   ([big-cells.whole]), and nothing to record: the cell is in the remembered set, whose next
//!   collection looks at all that it holds ([barrier.recorded]).
//! - **[rests.records]** A cell is recorded after its last piece, as a smaller one is after its
//!   visit. If visiting it again would take too long, it is visited a second time in pieces, and
//!   the candidates that it points into leave the set.

use super::*;
use crate::{barrier::CellPiece, object::TraceFn, space::candidates::UpdateFn, trace::pieces::Position};

/// What is left of a value.
pub(crate) struct Rest {
    value: NonNull<u8>,
    trace: TraceFn,
    of: Of,
}

enum Of {
    /// An object, from this position on.
    Object(Position),
    Cell(CellRest),
}

struct CellRest {
    word: NonNull<CellWord>,
    update: UpdateFn,
    /// Pointers that were visited.
    visited: usize,
    /// Some of them lead into candidates.
    found: bool,
    /// The second visit, and its position ([rests.records]). The first one's is in [`BigCells`].
    leaving: Option<Position>,
}

impl Marker<'_> {
    /// Begins to trace an object in pieces.
    #[cold]
    #[inline(never)]
    pub(super) fn big_object(&mut self, address: NonNull<u8>, info: &'static TypeInfo) {
        self.pieces = Pieces::none();
        self.state.rests.push(Rest { value: address, trace: info.trace.mark, of: Of::Object(Position::default()) });
    }

    /// Begins to trace a cell in pieces. The caller has its lock.
    #[cold]
    #[inline(never)]
    pub(super) fn big_cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T) {
        if !self.big_cells.meet(word.addr()) {
            return;
        }
        let word = NonNull::new(word).expect("a cell is not at address 0");
        let rest = CellRest { word, update: update_content::<T>, visited: 0, found: false, leaving: None };
        self.state.rests.push(Rest { value: content_of(content), trace: mark_content::<T>, of: Of::Cell(rest) });
    }

    /// Traces the next piece of a value.
    #[cold]
    #[inline(never)]
    pub(super) fn trace_rest(&mut self, rest: Rest) {
        let Rest { value, trace, of } = rest;
        match of {
            Of::Object(position) => {
                // SAFETY: a value of an old object with the function of its type, which no thread changes ([rests.objects]).
                let ended = unsafe { self.piece(value, trace, position) };
                if let Some(position) = ended {
                    self.state.rests.push(Rest { value, trace, of: Of::Object(position) });
                }
            }
            Of::Cell(cell) => {
                // SAFETY: the object of the cell is old, so it is there until marking has ended ([mark.snapshot]).
                let word = unsafe { cell.word.as_ref() };
                match self.cells {
                    Cells::Stopped => self.cell_piece(value, trace, cell),
                    Cells::Locked(user) if word.try_read(user).is_ok() => {
                        self.cell_piece(value, trace, cell);
                        word.end_read(false);
                    }
                    Cells::Locked(_) => self.state.deferred_rests.push(Rest { value, trace, of: Of::Cell(cell) }),
                }
            }
        }
    }

    /// Traces the next piece of a cell, which no thread writes meanwhile.
    fn cell_piece(&mut self, value: NonNull<u8>, trace: TraceFn, mut cell: CellRest) {
        let before = self.state.work.objects.len();
        let more = if let Some(position) = cell.leaving.take() {
            self.content = Content::Leaves;
            // SAFETY: the content of a cell, with the function of its type.
            cell.leaving = unsafe { self.piece(value, trace, position) };
            self.state.work.objects.truncate(before);
            cell.leaving.is_some()
        } else {
            self.content = if self.sparse.bytes == 0 { Content::None } else { Content::Counted(0) };
            let word = cell.word.addr().get();
            // SAFETY: as above.
            let piece = self.big_cells.next_piece(word, |position| unsafe { self.piece(value, trace, position) });
            cell.visited += self.state.work.objects.len() - before;
            cell.found |= !matches!(self.content, Content::None | Content::Counted(0));
            match piece {
                CellPiece::Traced => true,
                CellPiece::Last => cell.found && !self.record_big_cell(value, &mut cell),
                CellPiece::Logged => false,
            }
        };
        self.content = Content::None;
        if more {
            self.state.rests.push(Rest { value, trace, of: Of::Cell(cell) });
        }
    }

    /// Records a cell of which all is traced. If visiting it again would take too long, begins the
    /// second visit, and returns false ([rests.records]).
    fn record_big_cell(&mut self, content: NonNull<u8>, cell: &mut CellRest) -> bool {
        let records = self.candidates.spend(cell.visited as u64 / CELL_POINTERS);
        if records && !mutant::CELLS_ARE_NOT_RECORDED.is_planted() {
            self.state.recorded.cells.push(RecordedCell { content, update: cell.update });
        }
        if !records {
            cell.leaving = Some(Position::default());
        }
        records
    }

    /// Traces a piece of a value. Returns the position of the next one.
    ///
    /// # Safety
    ///
    /// A value in an old object, with the function of its type, which no thread writes meanwhile.
    unsafe fn piece(&mut self, value: NonNull<u8>, trace: TraceFn, position: Position) -> Option<Position> {
        self.pieces.begin_at(position, PIECE);
        // SAFETY: the caller's; the visitor is of the type that `trace` was made for.
        unsafe { trace(value.as_ptr(), 1, (&raw mut *self).cast()) };
        self.pieces.end()
    }
}

/// Traces the content of a cell.
///
/// # Safety
///
/// `content` is a valid `T` that no thread writes meanwhile, and `marker` is a [`Marker`] that no
/// other code uses.
unsafe fn mark_content<T: Trace>(content: *mut u8, _: usize, marker: *mut u8) {
    // SAFETY: the caller passes a `Marker` that no other code uses meanwhile.
    let marker = unsafe { &mut *marker.cast::<Marker<'_>>() };
    // SAFETY: the caller passes a valid `T`.
    unsafe { T::trace(content.cast(), marker) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        Collect, Gc, GcCell, Heap, Mutator, Root, Stress, collector::Collector, collector::major_cycle::MARKER,
    };

    type Cell = Root<Gc<'static, GcCell<Vec<Gc<'static, u64>>>>>;

    fn heap() -> Heap {
        Heap::builder().auto(false).idle_after(core::time::Duration::MAX).stress(Stress::default()).build().unwrap()
    }

    fn old_cell(m: &mut Mutator, len: usize) -> Cell {
        let cell = m.root(m.alloc(GcCell::new((0..len as u64).map(|n| m.alloc(n)).collect::<Vec<_>>())));
        m.collect(Collect::Full);
        cell
    }

    /// Reads cells as the concurrent thread does. The tests mark on their own, in no cycle.
    fn as_marker(collector: &Collector) -> Cells {
        Cells::Locked(CellUser::new(collector.epochs.stop_number(), false, MARKER))
    }

    /// Traces the next piece. Returns how many pointers it found.
    fn step(marker: &mut Marker<'_>) -> Option<usize> {
        let rest = marker.state.rests.pop()?;
        let before = marker.state.work.objects.len();
        marker.trace_rest(rest);
        Some(marker.state.work.objects.len() - before)
    }

    fn addresses<'a>(objects: impl IntoIterator<Item = &'a NonNull<u8>>) -> BTreeSet<usize> {
        objects.into_iter().map(|object| object.addr().get()).collect()
    }

    /// Under one hold of its lock, and between two looks at the poll.
    #[test]
    fn no_more_than_a_piece_of_a_value_is_traced_at_once() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let len = 9 * PIECE + 5;
        let cell = old_cell(&mut m, len);
        let held = cell.get(&m).borrow(&m).clone();
        let immutable = m.root(m.alloc(held));
        m.collect(Collect::Full);
        let objects = [cell.get(&m).address(), immutable.get(&m).address()];
        let all: Vec<_> = immutable.get(&m).iter().map(|object| object.address()).collect();
        for object in objects {
            let mut state = Marking::default();
            let mut marker = heap.collector().marker(as_marker(heap.collector()), &mut state);
            marker.mark(object);
            assert!(marker.state.work.objects.len() <= PIECE);
            let pieces: Vec<_> = core::iter::from_fn(|| step(&mut marker)).collect();
            assert_eq!(pieces.len(), 10);
            assert!(pieces.iter().all(|&found| found <= PIECE), "{pieces:?}");
            assert_eq!(addresses(state.work.objects.iter()), addresses(&all));
        }
    }

    /// A pointer beside a big container is visited with each piece, and recorded once.
    #[test]
    fn what_lies_inline_in_a_big_object_is_recorded_once() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let target = m.alloc(1_u64);
        let mut elements = vec![None; 9 * PIECE];
        elements[5 * PIECE] = Some(target);
        let object = m.root(m.alloc((target, elements)));
        m.collect(Collect::Full);
        let collector = heap.collector();
        let block = collector.map.block_of(object.get(&m).0.address().addr().get());
        collector.candidates.begin(&[block as u32], 100, 100);
        let mut state = Marking::default();
        let mut marker = collector.marker(as_marker(collector), &mut state);
        marker.mark(object.get(&m).address());
        while step(&mut marker).is_some() {}
        collector.candidates.end();
        assert_eq!(state.recorded.pointer_slots.len(), 2);
    }

    /// A writer logs what the marker has not traced, once, and the marker leaves the rest to it.
    #[test]
    fn a_big_cell_is_logged_once_in_a_marking() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let cell = old_cell(&mut m, 9 * PIECE);
        let (collector, barrier) = (heap.collector(), &m.local().barrier);
        barrier.set_marking(true);
        let mut state = Marking::default();
        let mut marker = collector.marker(as_marker(collector), &mut state);
        marker.mark(cell.get(&m).address());
        assert_eq!(step(&mut marker), Some(PIECE));
        assert_eq!(step(&mut marker), Some(PIECE));
        let logged = || {
            let before = collector.satb.entries();
            cell.get(&m).borrow_mut(&m).reverse();
            barrier.hand_over();
            // As a pause does with a cell that holds nothing young.
            let cells = barrier.take().cells;
            // SAFETY: cells of an object that lives.
            cells.iter().for_each(|cell| unsafe { cell.word.as_ref() }.set_logged(false));
            (cells.len(), collector.satb.entries() - before)
        };
        assert_eq!(logged(), (1, 7 * PIECE as u64));
        assert_eq!(logged(), (1, 0));
        assert_eq!(step(&mut marker), Some(0));
        assert_eq!(step(&mut marker), None);
        barrier.set_marking(false);
        // Nor is one that the marker has traced.
        let other = old_cell(&mut m, 3 * PIECE);
        collector.satb.big_cells.clear();
        let barrier = &m.local().barrier;
        barrier.set_marking(true);
        let mut marker = collector.marker(as_marker(collector), &mut state);
        marker.state.rests.clear();
        marker.mark(other.get(&m).address());
        assert_eq!(core::iter::from_fn(|| step(&mut marker)).count(), 3);
        let before = collector.satb.entries();
        other.get(&m).borrow_mut(&m).clear();
        barrier.hand_over();
        assert_eq!(collector.satb.entries(), before);
        barrier.set_marking(false);
    }

    /// One that is little more than a piece is handed over in a buffer of its own, which waits for
    /// the marker.
    #[test]
    fn what_a_big_cell_held_takes_no_more_memory_than_it_needs() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let cells: Vec<_> = (0..4).map(|_| old_cell(&mut m, PIECE + 1)).collect();
        let (collector, barrier) = (heap.collector(), &m.local().barrier);
        barrier.set_marking(true);
        cells.iter().for_each(|cell| cell.get(&m).borrow_mut(&m).clear());
        barrier.set_marking(false);
        let mut state = Marking::default();
        state.take_from(&collector.satb);
        let lens: Vec<_> = state.found.iter().map(Vec::len).collect();
        assert_eq!(lens, [PIECE + 1; 4]);
        assert!(state.found.iter().all(|found| found.capacity() < 2 * PIECE));
    }

    /// Whatever a writer does between two pieces, all that the cell held when marking began is
    /// marked, or on its way.
    #[test]
    fn nothing_is_lost_that_a_cell_held_when_marking_began() {
        for seed in 1..40_u64 {
            let mut state = seed;
            let mut random = move |below: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize % below
            };
            let heap = heap();
            let mut m = heap.attach().unwrap();
            let cell = old_cell(&mut m, random(4 * PIECE));
            let snapshot: Vec<_> = cell.get(&m).borrow(&m).iter().map(|object| object.address()).collect();
            let (collector, barrier) = (heap.collector(), &m.local().barrier);
            barrier.set_marking(true);
            let mut state = Marking::default();
            let mut marker = collector.marker(as_marker(collector), &mut state);
            let (mut met, mut held) = (false, BTreeSet::new());
            loop {
                match random(3) {
                    0 if !met => {
                        met = true;
                        marker.mark(cell.get(&m).address());
                    }
                    0 | 1 if met && step(&mut marker).is_none() => break,
                    0 | 1 => {}
                    _ => {
                        let cell = cell.get(&m);
                        let mut vec = cell.borrow_mut(&m);
                        let (at, len) = (random(vec.len() + 1), vec.len());
                        match random(8) {
                            0 => vec.truncate(at),
                            1 => vec.rotate_left(at),
                            2 => *vec = Vec::new(),
                            3 => vec.extend((0..2 * PIECE as u64).map(|n| m.alloc(n))),
                            4 => vec.shrink_to_fit(),
                            5 if len > 0 => drop(vec.swap_remove(at % len)),
                            6 => vec.reverse(),
                            _ => {}
                        }
                    }
                }
                if random(4) == 0 {
                    // As a pause does that takes the cell from the remembered set.
                    barrier.hand_over();
                    for cell in barrier.take().cells {
                        // SAFETY: a cell of an object that lives.
                        unsafe { cell.word.as_ref() }.set_logged(false);
                    }
                }
            }
            barrier.hand_over();
            barrier.set_marking(false);
            state.take_from(&collector.satb);
            held.append(&mut addresses(state.work.objects.iter()));
            held.append(&mut addresses(&state.marked));
            state.found.iter().for_each(|found| held.append(&mut addresses(found)));
            assert!(snapshot.iter().all(|object| held.contains(&object.addr().get())), "seed {seed}");
        }
    }
}
