//! Bitmaps over the old part, one bit per granule, and the walk over the bits of a block.
//!
//! - **[bitmap.shared]** While several threads set bits of one word, all of them use [`Bitmap::set_shared`]:
//!   each bit has one winner, and none is lost. The model is `models/protocols/mark.rs`.
//! - **[bitmap.one-writer]** At any other time a word has one writer, and a lock or a pause hands
//!   the word on to the next writer.

use core::ptr::NonNull;

use crate::sync::{
    atomic::{AtomicU64, Ordering},
    mutant,
};

use super::{
    address_map::{BLOCK, GRANULE, PAGE},
    reservation::{Reservation, ReserveError},
};

/// Words of a bitmap for one block.
pub(crate) const BLOCK_WORDS: usize = BLOCK / GRANULE / 64;

/// One bit per granule of the old part. All of its address space is reserved; memory is committed
/// as it is used.
pub(crate) struct Bitmap {
    memory: Reservation,
}

impl Bitmap {
    /// Returns a bitmap for `bytes` of heap, with all bits clear.
    pub(crate) fn new(bytes: usize) -> Result<Self, ReserveError> {
        let memory = Reservation::zeroed((bytes / GRANULE / 8).next_multiple_of(PAGE), c"gc-bitmap")?;
        Ok(Self { memory })
    }

    /// Gives back the memory behind the bits of `bytes` of heap, from the block `first` on, as far
    /// as it is whole pages. The bits stay clear.
    ///
    /// # Safety
    ///
    /// All of these bits are clear, and no thread sets one meanwhile.
    pub(crate) unsafe fn release_clear(&self, first: usize, bytes: usize) {
        let words = first * BLOCK_WORDS..first * BLOCK_WORDS + bytes / GRANULE / 64;
        // Relaxed: nobody writes them.
        debug_assert!(words.clone().all(|index| self.word(index).load(Ordering::Relaxed) == 0), "a bit is given back");
        let (start, end) = ((words.start * 8).next_multiple_of(PAGE), words.end * 8 / PAGE * PAGE);
        if start < end {
            // SAFETY: words that are zero, as they are afterwards, and that no thread writes (the caller's).
            unsafe { self.memory.release(start, end - start) };
        }
    }

    #[inline(always)]
    fn word(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index < self.memory.bytes() / 8);
        // SAFETY: every word lies in the mapping, reads as zero before it is first written, and is only ever accessed
        // as an atomic.
        unsafe { self.memory.base().cast::<AtomicU64>().add(index).as_ref() }
    }

    /// Sets the bit. No other thread writes the word meanwhile.
    #[inline(always)]
    pub(crate) fn set(&self, granule: usize) {
        let word = self.word(granule / 64);
        // Relaxed: the word's block has one writer at a time, and readers are ordered by the pause.
        word.store(word.load(Ordering::Relaxed) | bit(granule), Ordering::Relaxed);
    }

    /// Sets the bit. No other thread writes the word meanwhile. Returns whether it was clear.
    #[inline(always)]
    pub(crate) fn set_new(&self, granule: usize) -> bool {
        let word = self.word(granule / 64);
        // Relaxed: as for `set`.
        let before = word.load(Ordering::Relaxed);
        // Relaxed: as for `set`.
        word.store(before | bit(granule), Ordering::Relaxed);
        before & bit(granule) == 0
    }

    /// Sets the bit, while other threads may set bits of the word. Returns whether it was clear
    /// ([bitmap.shared]).
    #[inline(always)]
    pub(crate) fn set_shared(&self, granule: usize) -> bool {
        if mutant::MARK_BY_LOAD_AND_STORE.is_planted() {
            return self.set_new(granule);
        }
        let word = self.word(granule / 64);
        // Relaxed: the load only saves the read-modify-write if the bit is set already.
        // Release, with the Acquire in `is_set_beside`; otherwise only the winner matters, as the memory that the bit stands for is
        // published by other means.
        word.load(Ordering::Relaxed) & bit(granule) == 0
            && (word.fetch_or(bit(granule), mutant::RELAXED_MARK.weaken(Ordering::Release)) & bit(granule) == 0
                || mutant::MARK_BY_LOOKING.is_planted())
    }

    /// Returns whether the bit is set.
    #[inline(always)]
    pub(crate) fn is_set(&self, granule: usize) -> bool {
        // Relaxed: called in pauses, and by markers, which look again under a lock where a mark matters that is being set.
        self.word(granule / 64).load(Ordering::Relaxed) & bit(granule) != 0
    }

    /// Returns whether the bit is set, while other threads set bits by
    /// [`set_shared`](Self::set_shared). What the thread that has set it did before is visible
    /// then.
    #[inline(always)]
    pub(crate) fn is_set_beside(&self, granule: usize) -> bool {
        // Acquire, with the Release in `set_shared`.
        self.word(granule / 64).load(Ordering::Acquire) & bit(granule) != 0
    }

    /// Prefetches the word of a bit.
    #[inline(always)]
    pub(crate) fn prefetch(&self, granule: usize) {
        prefetch(core::ptr::from_ref(self.word(granule / 64)).cast());
    }

    /// Returns the words of a block.
    #[inline(always)]
    pub(crate) fn block(&self, block: usize) -> &[AtomicU64; BLOCK_WORDS] {
        let first = NonNull::from(self.word(block * BLOCK_WORDS)).cast::<[AtomicU64; BLOCK_WORDS]>();
        // SAFETY: the bitmap covers whole blocks, so the block's other words lie in the mapping too.
        unsafe { first.as_ref() }
    }
}

#[inline(always)]
fn bit(granule: usize) -> u64 {
    1 << (granule % 64)
}

/// Returns the positions of the set bits of `words`, ascending.
pub(crate) fn ones(words: impl IntoIterator<Item = u64>) -> impl Iterator<Item = usize> {
    words.into_iter().enumerate().flat_map(|(index, mut word)| {
        core::iter::from_fn(move || {
            let bit = word.trailing_zeros() as usize;
            if word == 0 {
                return None;
            }
            word &= word - 1;
            Some(index * 64 + bit)
        })
    })
}

/// Returns the number of set bits of a block's words.
pub(crate) fn count(words: &[AtomicU64; BLOCK_WORDS]) -> usize {
    // Relaxed: in a pause; no other thread uses the block.
    words.iter().map(|word| word.load(Ordering::Relaxed).count_ones() as usize).sum()
}

/// Returns the first set bit of a block's words at or after `from`.
pub(crate) fn next_set(words: &[AtomicU64; BLOCK_WORDS], from: usize) -> Option<usize> {
    let mut index = from / 64;
    let mut mask = u64::MAX << (from % 64);
    while index < BLOCK_WORDS {
        // Relaxed: in a pause; no other thread uses the block.
        let word = words[index].load(Ordering::Relaxed) & mask;
        if word != 0 {
            return Some(index * 64 + word.trailing_zeros() as usize);
        }
        mask = u64::MAX;
        index += 1;
    }
    None
}

/// Prefetches the cache line at `address`. Any address is allowed.
#[inline(always)]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program can see, and never traps; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn sets_and_walks() {
        let bitmap = Bitmap::new(4 * BLOCK).unwrap();
        for granule in [0, 63, 64, 4095, 4096 + 17] {
            assert!(bitmap.set_new(granule) && !bitmap.set_new(granule));
        }
        let of = |block| {
            let words = bitmap.block(block).each_ref().map(|w| w.load(Ordering::Relaxed));
            ones(words).collect::<Vec<_>>()
        };
        assert_eq!(of(0), [0, 63, 64, 4095]);
        assert_eq!(of(1), [17]);
        // SAFETY: no bit of these blocks was set. A page has the bits of eight blocks, so that nothing is given back.
        unsafe { bitmap.release_clear(2, 2 * BLOCK) };
        assert_eq!(of(1), [17]);
    }
}
