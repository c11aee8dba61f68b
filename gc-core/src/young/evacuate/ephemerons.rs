//! Ephemerons (Hayes: *Ephemerons: a new finalization mechanism*, 1997; Barros, Ierusalimschy:
//! *Eliminating cycles in weak tables*, 2008).
//!
//! A worker that traces a pair follows its pointers if the key is reached, and lists the pair as
//! undecided otherwise. When all workers have nothing left to do, the leader goes on alone:
//!
//! ```text
//!   undecided ── key is reached ──▶ both pointers are followed
//!       └─────── key is not ──────▶ waits in its header ── the key is reached ──▶ both pointers are followed
//!                                           └── nothing is left to do ──────────▶ cleared: the key is dead
//! ```
//!
//! - **[pairs.linear]** A pair is looked at three times at most: when it is traced, when the leader
//!   decides, and when its key is reached. Who reaches a key finds what waits in its header, so
//!   nothing is searched for, and an object that is no key costs nothing.
//! - **[pairs.old]** The pair that a worker traces is one that was copied in this pause. The
//!   pointers of an old one to young objects, of which there are few, because it was made after
//!   both, are remembered slots, and strong.
//! - **[pairs.rounds]** What a caller evacuates afterwards, as what is finalized, is evacuated with
//!   all that it reaches, in the same way: a second round decides the pairs that it has come to.
//!   Those of the first round were cleared before.

use super::*;

impl<P: Promote, const SHARED: bool> Evacuator<'_, P, SHARED> {
    /// Looks at the pair that is being traced.
    pub(super) fn pair(&mut self, pair: PairRef) {
        self.pairs.looks += 1;
        if self.reached(pair.key()).is_some() {
            self.follow(pair);
        } else {
            self.pairs.undecided.push(pair);
        }
    }

    /// Returns where an object is now that is reached, or old. Null, which a cleared pair holds,
    /// counts as old.
    fn reached(&self, address: *mut u8) -> Option<*mut u8> {
        if self.young_part.contains(address.addr()) {
            // SAFETY: an object of from-space.
            let header = unsafe { Header::of(address) };
            // SAFETY: as in `evacuate_object`.
            let seen = unsafe { if SHARED { header.forwarding().look() } else { header.raw() } };
            // SAFETY: an initialised header's word.
            match unsafe { HeaderWord::of(seen) } {
                HeaderWord::Forwarded(to) => Some(to),
                _ => None,
            }
        } else if self.large_part.contains(address.addr()) {
            self.evacuation.runs.run_of(address.addr()).is_old().then_some(address)
        } else {
            Some(address)
        }
    }

    /// Follows the pointers of a pair whose key is reached.
    fn follow(&mut self, pair: PairRef) {
        self.source = if self.young_part.contains(pair.address()) { Source::Young } else { Source::Old };
        for place in pair.places() {
            // SAFETY: a pointer slot of an object that was copied in this pause.
            unsafe { self.pointer_slot(place) };
        }
    }

    /// Ends the evacuation, with a step of the caller's in between ([pairs.rounds]).
    pub(in crate::young) fn finish(&mut self, afterwards: impl FnOnce(&mut dyn Survivors)) {
        self.decide();
        afterwards(self);
        self.decide();
    }

    /// Evacuates what is reachable through ephemerons, and clears those whose keys are dead. No
    /// other worker has anything left to do.
    fn decide(&mut self) {
        // No other worker joins.
        self.share_at = usize::MAX;
        loop {
            while let Some(pair) = self.pairs.undecided.pop() {
                self.pairs.looks += 1;
                match NonNull::new(pair.key()) {
                    Some(key) if self.reached(key.as_ptr()).is_none() => self.wait(key, pair),
                    _ => self.follow(pair),
                }
            }
            self.drain();
            while let Some(pair) = self.pairs.released.pop() {
                self.pairs.looks += 1;
                self.follow(pair);
            }
            if self.work.is_empty() && self.pairs.undecided.is_empty() {
                break;
            }
        }
        for key in mem::take(&mut self.pairs.keys) {
            if self.reached(key.as_ptr()).is_none() {
                // SAFETY: a young object that was not reached; no other worker has anything left to do ([threaded.headers]).
                unsafe {
                    unthread(Header::of(key.as_ptr()), |pair| {
                        pair.clear();
                        self.pairs.cleared += 1;
                        if pair.is_watched() {
                            self.pairs.watched.push(pair.object());
                        }
                    });
                }
            }
        }
    }

    /// Has a pair wait for its key, which is not reached.
    fn wait(&mut self, key: NonNull<u8>, pair: PairRef) {
        // SAFETY: a young object that was not reached; no other worker has anything left to do ([threaded.headers]).
        if unsafe { pair.thread(Header::of(key.as_ptr())) } {
            self.pairs.keys.push(key);
        }
    }

    /// Releases the pairs that wait for a key, which is being reached. Returns the word of its
    /// header.
    #[cold]
    #[inline(never)]
    pub(super) fn release(&mut self, key: *mut u8) -> *mut u8 {
        let released = &mut self.pairs.released;
        // SAFETY: as for `wait`.
        unsafe { unthread(Header::of(key), |pair| released.push(pair)) }
    }

    /// Copies a key for which pairs wait.
    ///
    /// # Safety
    ///
    /// `key` is an object of from-space.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn copy_key(&mut self, key: *mut u8) -> (*mut u8, Outcome) {
        let word = self.release(key);
        // SAFETY: the word of an object's header, which is not forwarded.
        let info = unsafe { HeaderWord::info_of(word) };
        // SAFETY: the caller's.
        unsafe { self.copy_flagged(key, word, info) }
    }
}

impl<P: Promote, const SHARED: bool> Survivors for Evacuator<'_, P, SHARED> {
    fn whereabouts(&self, address: NonNull<u8>) -> Option<NonNull<u8>> {
        self.reached(address.as_ptr()).and_then(NonNull::new)
    }

    fn evacuate(&mut self, address: NonNull<u8>) -> NonNull<u8> {
        let at = address.as_ptr();
        if self.young_part.contains(at.addr()) {
            // SAFETY: the caller passes an object of from-space.
            let (to, outcome) = unsafe { self.evacuate_object(at) };
            let to = NonNull::new(to).expect("no object is at address 0");
            if outcome == Outcome::Trace {
                self.work.objects.push(to);
            }
            return to;
        }
        if self.large_part.contains(at.addr()) {
            self.reach_large(at);
        }
        address
    }
}
