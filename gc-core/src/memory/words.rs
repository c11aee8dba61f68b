//! The two words that live inside objects and that threads share: a pointer field and a cell's lock.

use crate::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The place of a pointer field: null or the address of an object.
#[repr(transparent)]
pub struct Edge(AtomicPtr<u8>);

impl Edge {
    #[inline(always)]
    pub(crate) const fn new(address: *mut u8) -> Self {
        Self(AtomicPtr::new(address))
    }

    #[inline(always)]
    pub(crate) fn load(&self, order: Ordering) -> *mut u8 {
        self.0.load(order)
    }

    #[inline(always)]
    pub(crate) fn store(&self, address: *mut u8, order: Ordering) {
        self.0.store(address, order);
    }

    #[inline(always)]
    pub(crate) fn swap(&self, address: *mut u8) -> *mut u8 {
        // AcqRel: the Release half publishes `address`'s object, the Acquire half sees the old one's.
        self.0.swap(address, Ordering::AcqRel)
    }

    #[inline(always)]
    pub(crate) fn compare_exchange(&self, current: *mut u8, new: *mut u8) -> Result<*mut u8, *mut u8> {
        // As for `swap`; a failure only reads.
        self.0.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// A cell's lock word.
///
/// ```text
///   63 ……… 32 | 31     | 30     | 29 ………… 0
///   stop count | logged | writer | readers
/// ```
///
/// - **C1** The lock (writer, readers) counts only if the stop count is the current one: no guard survives a stop, so
///   what an earlier count says was left by a forgotten guard, and the cell is free.
/// - **C2** `logged` is independent of the stop count: it is set if and only if the cell is in the remembered set.
///
/// While one mutator is attached and nothing is being marked, nobody else touches the word: plain loads and stores
/// (Relaxed) do.
pub struct CellWord(AtomicU64);

const READERS: u64 = (1 << 30) - 1;
const WRITER: u64 = 1 << 30;
const LOGGED: u64 = 1 << 31;
const STOP_SHIFT: u32 = 32;

/// Why a cell could not be borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CellConflict {
    /// A write guard is out.
    Writing,
    /// Read guards are out.
    Reading,
    /// 2³⁰ − 1 read guards are out, most of them forgotten.
    TooManyReaders,
}

impl CellWord {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The word without what an earlier stop left in it (C1, C2).
    #[inline(always)]
    fn current(&self, stops: u32) -> u64 {
        // Relaxed: this thread alone touches the word.
        let word = self.0.load(Ordering::Relaxed);
        if (word >> STOP_SHIFT) as u32 == stops { word } else { (word & LOGGED) | (u64::from(stops) << STOP_SHIFT) }
    }

    #[inline(always)]
    pub(crate) fn try_read(&self, stops: u32) -> Result<(), CellConflict> {
        let word = self.current(stops);
        if word & (READERS | WRITER) >= READERS {
            return Err(if word & WRITER != 0 { CellConflict::Writing } else { CellConflict::TooManyReaders });
        }
        // Relaxed: as in `current`.
        self.0.store(word + 1, Ordering::Relaxed);
        Ok(())
    }

    /// Ends a read that `try_read` began since the last stop.
    #[inline(always)]
    pub(crate) fn end_read(&self) {
        // Relaxed: as in `current`.
        self.0.store(self.0.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn try_write(&self, stops: u32) -> Result<(), CellConflict> {
        let word = self.current(stops);
        if word & (READERS | WRITER) != 0 {
            return Err(if word & WRITER != 0 { CellConflict::Writing } else { CellConflict::Reading });
        }
        // Relaxed: as in `current`.
        self.0.store(word | WRITER, Ordering::Relaxed);
        Ok(())
    }

    /// Ends a write that `try_write` began since the last stop.
    #[inline(always)]
    pub(crate) fn end_write(&self) {
        // Relaxed: as in `current`.
        self.0.store(self.0.load(Ordering::Relaxed) & !WRITER, Ordering::Relaxed);
    }

    /// Whether nobody reads or writes: enough to copy the content out.
    #[inline(always)]
    pub(crate) fn readable(&self, stops: u32) -> Result<(), CellConflict> {
        if self.current(stops) & WRITER != 0 { Err(CellConflict::Writing) } else { Ok(()) }
    }

    /// Whether the content may be replaced on the spot.
    #[inline(always)]
    pub(crate) fn writable(&self, stops: u32) -> Result<(), CellConflict> {
        match self.current(stops) & (READERS | WRITER) {
            0 => Ok(()),
            held if held & WRITER != 0 => Err(CellConflict::Writing),
            _ => Err(CellConflict::Reading),
        }
    }

    #[inline(always)]
    pub(crate) fn is_logged(&self) -> bool {
        // Relaxed: as in `current`.
        self.0.load(Ordering::Relaxed) & LOGGED != 0
    }

    #[inline(always)]
    pub(crate) fn set_logged(&self, logged: bool) {
        // Relaxed: as in `current`, or the world is stopped.
        let word = self.0.load(Ordering::Relaxed) & !LOGGED;
        self.0.store(word | if logged { LOGGED } else { 0 }, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_from_before_a_stop_is_free_and_keeps_its_log() {
        let word = CellWord::new();
        word.try_write(1).unwrap();
        word.set_logged(true);
        assert_eq!(word.try_read(1), Err(CellConflict::Writing));
        word.try_read(2).unwrap();
        assert!(word.is_logged());
        assert_eq!(word.try_write(2), Err(CellConflict::Reading));
        word.end_read();
        word.try_write(2).unwrap();
        word.end_write();
        assert!(word.is_logged());
    }

    #[test]
    fn readers_never_overflow_into_the_writer() {
        let word = CellWord(AtomicU64::new(READERS - 1));
        word.try_read(0).unwrap();
        assert_eq!(word.try_read(0), Err(CellConflict::TooManyReaders));
        assert_eq!(word.try_write(0), Err(CellConflict::Reading));
    }
}
