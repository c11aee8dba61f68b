//! A cell's lock: one word that threads share. The model is `models/protocols/cell.rs`.

use crate::sync::{
    atomic::{AtomicU64, Ordering},
    mutant,
};

/// A cell's lock word.
///
/// ```text
///   63 ……… 32 | 31     | 30     | 29 ……………………………………………… 0
///   stop count | logged | writer | readers, or the writer's number
/// ```
///
/// - **C1** The lock (writer, readers) counts only if the stop count is the current one: no guard survives a stop, so
///   what an earlier count says was left by a forgotten guard, and the cell is free.
/// - **C2** `logged` is independent of the stop count: it is set if and only if the cell is in the remembered set. The writer sets it,
///   the leader of a pause clears it.
/// - **C3** While one mutator is attached, nobody else touches the word: it is read and written as plain memory, which the
///   compiler may keep in registers from a borrow to its end, as it does for `RefCell`. Which way is the right one changes in
///   stops only, so a guard ends the way it began.
/// - **C4** Otherwise the lock is taken by compare-and-exchange (Acquire) and ended by one read-modify-write (Release).
pub struct CellWord(AtomicU64);

const LOW: u64 = (1 << 30) - 1;
const WRITER: u64 = 1 << 30;
const LOGGED: u64 = 1 << 31;
const STOP_SHIFT: u32 = 32;

/// The mutator that uses a cell.
#[derive(Clone, Copy)]
pub(crate) struct CellUser {
    /// The number of the last stop.
    pub(crate) stops: u32,
    /// C3.
    pub(crate) exclusive: bool,
    pub(crate) number: u32,
}

/// Why a cell could not be borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CellConflict {
    /// A write guard of this mutator is out.
    OwnWriter,
    /// A write guard of the mutator with this number is out: worth waiting.
    Writer(u32),
    /// Read guards are out: worth waiting unless they are this mutator's.
    Readers,
    /// 2³⁰ − 1 read guards are out, most of them forgotten.
    TooManyReaders,
}

impl CellWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The word without what an earlier stop left in it (C1, C2).
    #[inline(always)]
    fn current(word: u64, stops: u32) -> u64 {
        if (word >> STOP_SHIFT) as u32 == stops { word } else { (word & LOGGED) | (u64::from(stops) << STOP_SHIFT) }
    }

    /// The word, while nobody else touches it (C3).
    #[inline(always)]
    fn plain(&self) -> u64 {
        #[cfg(gc_loom)]
        return self.0.load(Ordering::Relaxed);
        // SAFETY: valid for reads; no other thread touches it (C3).
        #[cfg(not(gc_loom))]
        return unsafe { self.0.as_ptr().read() };
    }

    /// Sets the word, while nobody else touches it (C3).
    #[inline(always)]
    fn set_plain(&self, word: u64) {
        #[cfg(gc_loom)]
        self.0.store(word, Ordering::Relaxed);
        // SAFETY: as in `plain`.
        #[cfg(not(gc_loom))]
        unsafe {
            self.0.as_ptr().write(word);
        }
    }

    #[inline(always)]
    pub(crate) fn try_read(&self, user: CellUser) -> Result<(), CellConflict> {
        if user.exclusive {
            self.set_plain(reader_added(Self::current(self.plain(), user.stops), user)?);
            Ok(())
        } else {
            self.change(|word| reader_added(Self::current(word, user.stops), user))
        }
    }

    /// Ends a read that `try_read` began since the last stop.
    #[inline(always)]
    pub(crate) fn end_read(&self, exclusive: bool) {
        if exclusive {
            self.set_plain(self.plain() - 1);
        } else {
            // Release: the next writer's writes come after this read.
            self.0.fetch_sub(1, Ordering::Release);
        }
    }

    #[inline(always)]
    pub(crate) fn try_write(&self, user: CellUser) -> Result<(), CellConflict> {
        if user.exclusive {
            self.set_plain(writer_added(Self::current(self.plain(), user.stops), user)?);
            Ok(())
        } else {
            self.change(|word| writer_added(Self::current(word, user.stops), user))
        }
    }

    /// Ends a write that `try_write` began since the last stop.
    #[inline(always)]
    pub(crate) fn end_write(&self, exclusive: bool) {
        if exclusive {
            self.set_plain(self.plain() & !(WRITER | LOW));
        } else if !mutant("relaxed_unlock") {
            // Release: the next reader sees what was written.
            self.0.fetch_and(!(WRITER | LOW), Ordering::Release);
        } else {
            self.0.fetch_and(!(WRITER | LOW), Ordering::Relaxed);
        }
    }

    /// C4.
    #[inline]
    fn change(&self, new: impl Fn(u64) -> Result<u64, CellConflict>) -> Result<(), CellConflict> {
        // Relaxed, here and where the exchange fails: one that succeeds acquires.
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            // Acquire: what the last guard's holder wrote is seen.
            match self.0.compare_exchange(word, new(word)?, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(found) => word = found,
            }
        }
    }

    /// Whether nobody writes: enough to copy the content out on the spot, for the one mutator.
    #[inline(always)]
    pub(crate) fn readable(&self, user: CellUser) -> Result<(), CellConflict> {
        debug_assert!(user.exclusive);
        let word = Self::current(self.plain(), user.stops);
        if word & WRITER != 0 { Err(CellConflict::OwnWriter) } else { Ok(()) }
    }

    /// Whether the content may be replaced on the spot, by the one mutator.
    #[inline(always)]
    pub(crate) fn writable(&self, user: CellUser) -> Result<(), CellConflict> {
        debug_assert!(user.exclusive);
        match Self::current(self.plain(), user.stops) & (LOW | WRITER) {
            0 => Ok(()),
            held if held & WRITER != 0 => Err(CellConflict::OwnWriter),
            _ => Err(CellConflict::Readers),
        }
    }

    #[inline(always)]
    pub(crate) fn is_logged(&self) -> bool {
        // Relaxed: the writer alone reads the bit while the world runs.
        self.0.load(Ordering::Relaxed) & LOGGED != 0
    }

    /// By the writer, or by the leader of a pause.
    #[inline(always)]
    pub(crate) fn set_logged(&self, logged: bool) {
        // Relaxed, both: the writer alone reads the bit while the world runs; its guard or the pause orders the rest.
        if logged {
            self.0.fetch_or(LOGGED, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!LOGGED, Ordering::Relaxed);
        }
    }
}

#[inline(always)]
fn reader_added(word: u64, user: CellUser) -> Result<u64, CellConflict> {
    if word & WRITER != 0 {
        return Err(writer(word, user));
    }
    if word & LOW == LOW { Err(CellConflict::TooManyReaders) } else { Ok(word + 1) }
}

#[inline(always)]
fn writer_added(word: u64, user: CellUser) -> Result<u64, CellConflict> {
    match word & (LOW | WRITER) {
        0 => Ok(word | WRITER | (u64::from(user.number) & LOW)),
        held if held & WRITER != 0 => Err(writer(word, user)),
        _ if mutant("writer_among_readers") => Ok(word | WRITER),
        _ => Err(CellConflict::Readers),
    }
}

#[inline(always)]
fn writer(word: u64, user: CellUser) -> CellConflict {
    let number = (word & LOW) as u32;
    if user.exclusive || number == user.number & LOW as u32 {
        CellConflict::OwnWriter
    } else {
        CellConflict::Writer(number)
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use super::*;

    fn user(stops: u32, number: u32, exclusive: bool) -> CellUser {
        CellUser { stops, exclusive, number }
    }

    #[test]
    fn a_lock_from_before_a_stop_is_free_and_keeps_its_log() {
        for exclusive in [true, false] {
            let (before, after) = (user(1, 5, exclusive), user(2, 5, exclusive));
            let word = CellWord::new();
            word.try_write(before).unwrap();
            word.set_logged(true);
            assert_eq!(word.try_read(before), Err(CellConflict::OwnWriter));
            word.try_read(after).unwrap();
            assert!(word.is_logged());
            assert_eq!(word.try_write(after), Err(CellConflict::Readers));
            word.end_read(exclusive);
            word.try_write(after).unwrap();
            word.end_write(exclusive);
            assert!(word.is_logged());
            word.try_read(after).unwrap();
        }
    }

    #[test]
    fn another_writer_is_named() {
        let word = CellWord::new();
        word.try_write(user(1, 5, false)).unwrap();
        assert_eq!(word.try_write(user(1, 6, false)), Err(CellConflict::Writer(5)));
        assert_eq!(word.try_read(user(1, 5, false)), Err(CellConflict::OwnWriter));
    }

    #[test]
    fn readers_never_overflow_into_the_writer() {
        let word = CellWord(AtomicU64::new(LOW - 1));
        word.try_read(user(0, 1, true)).unwrap();
        assert_eq!(word.try_read(user(0, 1, true)), Err(CellConflict::TooManyReaders));
        assert_eq!(word.try_write(user(0, 1, true)), Err(CellConflict::Readers));
    }
}
