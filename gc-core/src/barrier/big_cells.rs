//! The big cells that the current marking has met: how much of what each held when marking began is
//! known to the marker.
//!
//! A cell whose content has more than a piece of elements is traced in pieces. The marker takes the
//! cell's lock for each, and may reach a safepoint in between, where mutators may write the cell.
//!
//! ```text
//!               the marker has traced up to a position
//!               ┌──────┐
//!   (no entry) ─┴─▶ PARTLY ── the marker has traced the last piece ──▶ WHOLE
//!        └────────────┴────── a writer logs what is left ─────────────▶
//! ```
//!
//! - **[big-cells.locked]** An entry changes under the cell's lock: the marker's read lock, or the
//!   lock of the writer that logs the cell. In a pause its leader needs none. There is one marker
//!   to a cell, because there is one tracer to an object ([mark.one-tracer]).
//! - **[big-cells.unwritten]** If a cell is PARTLY, then it was not written since the marker met
//!   it, or what it held when marking began was logged before that. For the writer of the first
//!   write in this marking logs the cell. If the marker has met it, that makes it WHOLE: the writer
//!   counts as the marker did, and so finds it big. In the first case the pieces together are all
//!   that it held ([pieces.unchanged]). In the second one nothing depends on them.
//! - **[big-cells.whole]** All that a WHOLE cell held when marking began is marked, or on the
//!   marker's way. So the marker drops the rest, and no writer logs the cell again in this marking.
//!   A writer that finds it PARTLY logs what comes after the marker's position.
//! - **[big-cells.cleared]** The table is empty when marking begins and when it has ended. Old
//!   objects are freed and moved after that, so the address of its word identifies a cell.
//!
//! The model is `models/protocols/big_cells.rs`.

use std::collections::HashMap;

use crate::{
    sync::{Mutex, mutant},
    trace::pieces::Position,
};

/// How much of a big cell is traced, by the address of its word. `None` stands for WHOLE.
#[derive(Default)]
pub(crate) struct BigCells(Mutex<HashMap<usize, Option<Position>>>);

/// What [`BigCells::next_piece`] has done.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CellPiece {
    /// A piece was traced, and more are left.
    Traced,
    /// The last piece was traced.
    Last,
    /// Nothing: a writer has logged what was left.
    Logged,
}

impl BigCells {
    /// Adds a cell that the marker has met, as PARTLY with nothing traced. Returns whether the
    /// marker has to trace it: there was no entry.
    pub(crate) fn meet(&self, word: usize) -> bool {
        let mut cells = self.0.lock();
        let known = cells.contains_key(&word);
        if !known {
            cells.insert(word, Some(Position::default()));
        }
        !known
    }

    /// Has the marker trace the next piece of a cell. `trace` begins at a position, and returns the
    /// one where it ended.
    pub(crate) fn next_piece(&self, word: usize, trace: impl FnOnce(Position) -> Option<Position>) -> CellPiece {
        // The lock of the cell keeps others from the entry meanwhile.
        let Some(position) = self.0.lock().get_mut(&word).and_then(Option::take) else { return CellPiece::Logged };
        let ended = trace(position);
        let piece = if ended.is_some() { CellPiece::Traced } else { CellPiece::Last };
        self.0.lock().insert(word, ended);
        piece
    }

    /// Makes a cell WHOLE that a writer is about to log. Returns the position from which on it has
    /// to, and `None` if it need not.
    pub(crate) fn log(&self, word: usize) -> Option<Position> {
        let mut cells = self.0.lock();
        let traced = cells.insert(word, None);
        if mutant::PARTLY_IS_WHOLE.is_planted() && traced.is_some() {
            return None;
        }
        traced.unwrap_or_else(|| Some(Position::default()))
    }

    /// Forgets all cells: marking has ended, or begins.
    pub(crate) fn clear(&self) {
        *self.0.lock() = HashMap::new();
    }
}
