//! Ephemerons in marking: one look at each pair, and one more when its key is marked, so no pass over those that wait.
//!
//! - **[mark.ephemerons]** The marker that traces an object with [`Flag::Key`], which is the one that sets its mark or takes it from an SATB
//!   buffer ([mark.one-tracer]), takes the pairs that wait for it ([waiting.marked-or-listed]). Objects that are born marked, and so never traced, are no
//!   keys of pairs that wait: a pair is made after its key and waits only if it was old when marking began, so the key was old too.
//! - **[mark.kept]** The pairs that no longer wait are work, which is done a piece at a time ([mark.pieces]).
//! - **[mark.pairs-recorded]** Key and value are recorded when the key is found marked ([mark.recorded]). A pair that is cleared has no
//!   pointers to record.

use super::*;

impl Marker<'_> {
    /// Looks at the pair that is being traced.
    pub(super) fn pair(&mut self, pair: PairRef) {
        self.state.ephemeron_looks += 1;
        // Null: it was cleared.
        let Some(key) = NonNull::new(pair.key()) else { return };
        // A key that is not old is newer than the snapshot: no marker would come to it.
        if !self.is_old(key.addr().get())
            || self.is_marked(key)
            || self.waiting.join(key, pair, || is_marked(self.bits, self.runs, self.old_part, key))
        {
            self.keep(pair);
        }
    }

    /// The object has [`Flag::Key`], and is marked ([mark.ephemerons]).
    #[cold]
    #[inline(never)]
    pub(super) fn key_is_marked(&mut self, key: NonNull<u8>) {
        let pairs = self.waiting.take(key);
        if !pairs.is_empty() {
            self.state.kept.push(pairs);
        }
    }

    /// Visits the pointers of some pairs whose key is marked. Returns whether that was a whole piece ([mark.kept]).
    pub(super) fn keep_some(&mut self, mut pairs: PairList) -> bool {
        for _ in 0..PIECE {
            let Some(pair) = pairs.pop() else { return false };
            self.state.ephemeron_looks += 1;
            self.keep(pair);
        }
        self.state.kept.push(pairs);
        true
    }

    /// Visits the pointers of a pair whose key is marked.
    fn keep(&mut self, pair: PairRef) {
        for place in pair.places() {
            // SAFETY: a pointer slot of a live pair.
            unsafe { self.pointer_slot(place) };
        }
    }

    fn is_marked(&self, key: NonNull<u8>) -> bool {
        is_marked(self.bits, self.runs, self.old_part, key)
    }
}

/// Returns whether an old object is marked.
fn is_marked(bits: &Bits, runs: &RunTable, old_part: Part, object: NonNull<u8>) -> bool {
    let at = object.addr().get();
    if old_part.contains(at) { bits.marks.is_set(bits.granule(at)) } else { runs.run_of(at).is_marked() }
}
