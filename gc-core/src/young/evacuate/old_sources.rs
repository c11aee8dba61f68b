//! What a worker does in old objects: it remembers those of their slots and cells that hold young
//! values, records those that lead into evacuation candidates, and reaches large objects, which
//! become old where they are.

use super::*;

impl<P: Promote, const SHARED: bool> Evacuator<'_, P, SHARED> {
    /// Looks at a pointer out of the young part: it reaches a large object, or leads into a
    /// candidate ([evacuate.recorded]).
    #[cold]
    #[inline(never)]
    pub(super) fn watch(&mut self, place: NonNull<PointerSlot>, target: *mut u8) {
        if self.large_part.contains(target.addr()) {
            self.reach_large(target);
        } else if self.source != Source::Young
            && self.evacuation.candidates.count(target.addr())
            && !mutant::PROMOTED_ARE_NOT_RECORDED.is_planted()
        {
            match self.source {
                Source::OldCell => self.cell_is_recorded = true,
                _ => self.recorded.pointer_slots.push(place),
            }
        }
    }

    /// Reaches a large object: a young one becomes old where it is, and is traced.
    #[cold]
    #[inline(never)]
    pub(super) fn reach_large(&mut self, address: *mut u8) {
        let page = self.evacuation.runs.page_of(address.addr());
        if self.evacuation.runs.run(page).make_old() {
            self.promote.promoted_large(page);
            // SAFETY: a live large object has a header.
            let word = unsafe { Header::of(address).raw() };
            let word = if is_threaded(word) { self.release(address) } else { word };
            // SAFETY: it points to the `TypeInfo`.
            let info = unsafe { HeaderWord::info_of(word) };
            if !info.shape.leaf {
                self.work.objects.push(NonNull::new(address).expect("no object is at address 0"));
            }
        }
    }

    /// Traces the content of a cell of an old object, and remembers the cell if the content holds a
    /// young value now.
    ///
    /// # Safety
    ///
    /// `cell` is a cell of an old object, with the type of its content.
    pub(super) unsafe fn old_cell(&mut self, cell: RememberedCell) {
        let outer = mem::replace(&mut self.source, Source::OldCell);
        (self.cell_is_young, self.cell_is_recorded) = (false, false);
        // SAFETY: the caller's: one value of this type; the world is stopped, so no guard to it exists.
        unsafe { self.visit(cell.info, cell.content(), 1) };
        if self.cell_is_recorded {
            let content = NonNull::new(cell.content()).expect("a cell is not at address 0");
            self.recorded.cells.push(RecordedCell { content, update: cell.info.trace.update });
        }
        // SAFETY: the caller's: the cell's word.
        unsafe { cell.word.as_ref() }.set_logged(self.cell_is_young);
        if self.cell_is_young {
            self.remembered.cells.push(cell);
        }
        self.source = outer;
    }

    /// Updates a slot in memory that an old object owns, or in an old cell: its address does not
    /// show later to which object it belongs.
    #[inline(never)]
    pub(super) fn slot_now(&mut self, place: NonNull<PointerSlot>) {
        // SAFETY: as in `update`.
        let pointer_slot = unsafe { place.as_ref() };
        let target = pointer_slot.load(LOAD);
        // SAFETY: the caller has seen that it points into the young part.
        let (to, outcome) = unsafe { self.evacuate_object(target) };
        if outcome == Outcome::ThereAlready {
            return;
        }
        pointer_slot.store(to, STORE);
        if outcome == Outcome::Trace {
            self.work.objects.push(NonNull::new(to).expect("no object is at address 0"));
        }
        if self.young_part.contains(to.addr()) {
            match self.source {
                Source::OldCell => self.cell_is_young = true,
                _ => self.remembered.pointer_slots.push(place),
            }
        }
    }
}
