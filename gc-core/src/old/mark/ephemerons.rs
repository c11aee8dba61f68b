//! Ephemerons in marking: one look at each pair, and one more when its key is marked, so no pass
//! over those that wait.
//!
//! - **[mark.ephemerons]** The marker that traces an object with [`Flag::Key`], which is the one
//!   that sets its mark or takes it from an SATB buffer ([mark.one-tracer]), takes the pairs that
//!   wait for it ([waiting.marked-or-listed]). Objects that are born marked, and so never traced,
//!   are no keys of pairs that wait: a pair is made after its key and waits only if it was old when
//!   marking began, so the key was old too.
//! - **[mark.kept]** The pairs that no longer wait are work, which is done a piece at a time
//!   ([mark.pieces]).
//! - **[mark.pairs-recorded]** Key and value are recorded when the key is found marked
//!   ([mark.recorded]). A pair that is cleared has no pointers to record.

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

    /// Visits the pointers of some pairs whose key is marked. Returns whether that was a whole
    /// piece ([mark.kept]).
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
        let [key, value] = pair.places();
        // The key is marked: it is only recorded.
        let at = pair.key().addr();
        if self.sparse.contains(at) {
            // SAFETY: a pointer slot of a live pair.
            self.record(unsafe { NonNull::new_unchecked(key) }, at);
        }
        // SAFETY: as above.
        unsafe { self.pointer_slot(value) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Collect, Ephemeron, Gc, Heap, Mutator, Root, Stress, barrier::Mode, collector::Collector,
        collector::major_cycle::MARKER,
    };

    type Pairs = Root<(Gc<'static, u64>, Vec<Ephemeron<'static, u64, u64>>)>;

    fn heap() -> Heap {
        Heap::builder().auto(false).idle_after(core::time::Duration::MAX).stress(Stress::default()).build().unwrap()
    }

    /// Old ephemerons of one key.
    fn pairs(m: &mut Mutator, count: u64) -> Pairs {
        let key = m.alloc(7_u64);
        let pairs: Vec<_> = (0..count).map(|number| Ephemeron::new(m, key, m.alloc(number))).collect();
        let pairs = m.root((key, pairs));
        m.collect(Collect::Full);
        pairs
    }

    /// Reads as the concurrent thread does. The tests mark on their own, in no cycle.
    fn marker<'a>(collector: &'a Collector, state: &'a mut Marking) -> Marker<'a> {
        collector.marker(Cells::Locked(CellUser::new(collector.epochs.stop_number(), false, MARKER)), state)
    }

    /// Has the marker come to all the pairs, and not to the key.
    fn mark_pairs(m: &Mutator, pairs: &Pairs, marker: &mut Marker<'_>) {
        for pair in &pairs.borrow(m).1 {
            // SAFETY: an ephemeron is the address of its pair.
            marker.mark(unsafe { core::mem::transmute_copy::<_, NonNull<u8>>(pair) });
        }
    }

    /// Between two looks at the poll.
    #[test]
    fn no_more_than_a_piece_of_what_waits_for_a_key_is_kept_at_once() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let count = 9 * PIECE as u64 + 5;
        let pairs = pairs(&mut m, count);
        let mut state = Marking::default();
        let mut marker = marker(heap.collector(), &mut state);
        mark_pairs(&m, &pairs, &mut marker);
        assert!(marker.state.work.is_empty() && !heap.collector().waiting.is_empty());
        marker.mark(pairs.borrow(&m).0.address());
        assert!(heap.collector().waiting.is_empty());
        let mut kept = Vec::new();
        while let Some(pairs) = marker.state.kept.pop() {
            let before = marker.state.ephemeron_looks;
            marker.keep_some(pairs);
            kept.push((marker.state.ephemeron_looks - before) as usize);
        }
        assert_eq!(kept, [vec![PIECE; 9], vec![5]].concat());
        assert_eq!(marker.state.ephemeron_looks, 2 * count);
    }

    #[test]
    fn what_waits_at_the_end_is_cleared_a_part_at_a_time() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let pairs = pairs(&mut m, 1000);
        let waiting = &heap.collector().waiting;
        let mut state = Marking::default();
        mark_pairs(&m, &pairs, &mut marker(heap.collector(), &mut state));
        assert!(waiting.len() == 1 && waiting.bytes() > 0);
        let alive = || pairs.borrow(&m).1.iter().filter(|pair| !pair.is_dead(&m)).count();
        assert_eq!((waiting.clear_some(300, |_| ()), alive()), (300, 700));
        assert_eq!((waiting.clear_some(600, |_| ()), alive()), (600, 100));
        assert_eq!((waiting.len(), waiting.is_empty()), (0, false));
        assert_eq!((waiting.clear_some(600, |_| ()), alive()), (100, 0));
        assert!(waiting.is_empty());
        assert_eq!((waiting.clear_some(600, |_| ()), waiting.bytes()), (0, 0));
    }

    /// What is read while the heap is marking is marked. While words are cleared, a key without a
    /// mark is dead before its turn.
    #[test]
    fn what_is_read_is_marked_or_was() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let pairs = pairs(&mut m, 1);
        let collector = heap.collector();
        let (barrier, mode) = (&m.local().barrier, &collector.satb.weak_mode);
        let logged = || {
            barrier.hand_over();
            let mut state = Marking::default();
            state.take_from(&collector.satb);
            state.marked.iter().map(|object| object.addr().get()).collect::<Vec<_>>()
        };
        let (key, pair) = (pairs.borrow(&m).0, pairs.borrow(&m).1[0]);
        let value = pair.value(&m).unwrap();
        let address = |object: Gc<'_, u64>| object.address().addr().get();
        barrier.set_marking(true);
        mode.set(Mode::Clearing);
        assert!(pair.is_dead(&m) && pair.key(&m).is_none() && pair.value(&m).is_none() && pair.get(&m).is_none());
        mode.set(Mode::Marking);
        assert!(!pair.is_dead(&m));
        assert!(logged().is_empty());
        assert!(pair.value(&m).is_some());
        assert_eq!(logged(), [address(value)]);
        assert!(pair.get(&m).is_some());
        assert_eq!(logged(), [address(key)]);
        mode.set(Mode::Clearing);
        assert!(!pair.is_dead(&m) && pair.get(&m).is_some());
        assert!(logged().is_empty());
        // A young key is newer than the marking.
        assert!(Ephemeron::new(&m, m.alloc(1), value).get(&m).is_some());
        mode.set(Mode::Normal);
        barrier.set_marking(false);
    }
}
