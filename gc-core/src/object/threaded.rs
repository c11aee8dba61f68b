//! Pairs that wait for a young key in an evacuation, threaded through the key's header (Fisher:
//! *Bottom-up garbage collection of memory*; Jonkers: *A fast garbage compaction algorithm*, 1979):
//! no table, and no memory.
//!
//! ```text
//!   header of the key ──▶ pair ── next ──▶ pair ── next ──▶ the word that was in the header
//! ```
//!
//! - **[threaded.headers]** The header of an object for which pairs wait holds the address of one,
//!   tagged as a filler's, which nothing points to. Only the leader of an evacuation threads, when
//!   no other worker has anything left to do, and before it goes on with anything else every header
//!   is as it was, or forwards.

use core::ptr::NonNull;

use super::{
    header::{FILLER, Header},
    pair::{EphemeronPair, PairRef},
};

impl PairRef {
    /// Threads the pair into the header of its key. Returns whether it is the first one.
    ///
    /// # Safety
    ///
    /// `key` is the header of an object that is not forwarded; only this thread uses it and pairs
    /// ([threaded.headers]).
    pub(crate) unsafe fn thread(self, key: Header) -> bool {
        // SAFETY: the caller's: initialised.
        let word = unsafe { key.raw() };
        self.set_next(word);
        let address = self.pointer();
        // SAFETY: the caller's: no other code uses the header.
        unsafe { key.write_raw(address.map_addr(|a| a | FILLER)) };
        !is_threaded(word)
    }
}

/// Returns whether the word of an object's header is the begin of a thread.
#[inline(always)]
pub(crate) fn is_threaded(word: *mut u8) -> bool {
    word.addr() & FILLER != 0
}

/// Takes the pairs that are threaded into the header of an object, if there are any, and restores
/// it. Returns its word.
///
/// # Safety
///
/// As for [`PairRef::thread`].
pub(crate) unsafe fn unthread(key: Header, mut each: impl FnMut(PairRef)) -> *mut u8 {
    // SAFETY: the caller's: initialised.
    let mut word = unsafe { key.raw() };
    while is_threaded(word) {
        let pair = NonNull::new(word.map_addr(|a| a & !FILLER).cast::<EphemeronPair>()).expect("a pair has an address");
        // SAFETY: a pair was threaded, which stays where it is until the evacuation ends.
        let pair = unsafe { PairRef::new(pair.as_ptr()) };
        word = pair.next();
        each(pair);
    }
    // SAFETY: the caller's: no other code uses the header.
    unsafe { key.write_raw(word) };
    word
}
