//! A cell's lock: one word that threads share. The model is `models/protocols/cell_word.rs`.

use crate::sync::{
    atomic::{AtomicU64, Ordering},
    mutant,
};

/// A cell's lock word.
///
/// ```text
///   63 … 24 | 23     | 22     | 21    | 20 …………………………………… 0
///   stop    | logged | writer | waits | readers, or the writer's number
/// ```
///
/// - **[cell.stop]** The lock (writer, readers) is valid only if the word's stop is the user's last
///   one. No guard survives a stop, so a lock of an earlier stop was left by a forgotten guard, and
///   the cell is free. No two stops of a process have the same number, even in different heaps,
///   because a cell on a stack may be used under one heap after another. The numbers do not wrap:
///   the last one, [`LAST_STOP`], is that of all later stops too, and a guard that is forgotten
///   after it stays valid for ever.
/// - **[cell.logged]** `logged` does not depend on the stop: it is set if and only if the cell is
///   in the remembered set. The writer sets it, the leader of a pause clears it.
/// - **[cell.exclusive]** While only one mutator is attached, no other thread touches the word. It
///   is read and written as plain memory, which the compiler may keep in registers from a borrow to
///   its end, as it does for `RefCell`. Which of the two ways applies changes in stops only, so a
///   guard ends the way it began.
/// - **[cell.shared]** Otherwise the lock is taken by compare-and-exchange (Acquire) and ended by
///   one read-modify-write (Release).
/// - **[cell.waits]** `waits`: a writer waits for readers to end. New readers then hold back for a
///   while, so that guards which overlap without a gap do not keep the writer out for ever. They do
///   not hold back for long, because a thread that has a read guard may be the one whose next read
///   holds back. A writer that takes the lock clears the bit.
pub struct CellWord(AtomicU64);

/// The reader count or the writer's number, and WAITS.
const LOW: u64 = WRITER - 1;
const COUNT: u64 = WAITS - 1;
const WAITS: u64 = 1 << 21;
const WRITER: u64 = 1 << 22;
const LOGGED: u64 = 1 << 23;
const STOP_SHIFT: u32 = 24;
/// At a thousand stops a second the numbers last for 34 years ([cell.stop]).
pub(crate) const LAST_STOP: u64 = u64::MAX >> STOP_SHIFT;
/// The greatest number of a mutator.
pub(crate) const LAST_NUMBER: u32 = COUNT as u32;
/// The bit of a [`CellUser`] where a cell's word has `logged`.
const SHARED: u64 = LOGGED;

/// The mutator that uses a cell: one word, laid out like a cell's, so that it stays in a register
/// and a cell's word takes its stop from it.
///
/// ```text
///   63 … 24 | 23     | 20 ………… 0
///   stop    | shared | number
/// ```
#[derive(Clone, Copy)]
pub(crate) struct CellUser(u64);

impl CellUser {
    /// Returns the mutator with this number, up to [`LAST_NUMBER`], after stop `stop`. `exclusive`:
    /// it is the only one ([cell.exclusive]).
    pub(crate) fn new(stop: u64, exclusive: bool, number: u32) -> Self {
        debug_assert!(number <= LAST_NUMBER);
        let shared = if exclusive { 0 } else { SHARED };
        Self((stop.min(LAST_STOP) << STOP_SHIFT) | shared | u64::from(number))
    }

    /// Returns the same mutator after another stop.
    pub(crate) fn after(self, stop: u64, exclusive: bool) -> Self {
        Self::new(stop, exclusive, self.number() as u32)
    }

    /// Returns whether the mutator is the only one ([cell.exclusive]).
    #[inline(always)]
    pub(crate) fn exclusive(self) -> bool {
        self.0 & SHARED == 0
    }

    #[inline(always)]
    fn stop(self) -> u64 {
        self.0 >> STOP_SHIFT
    }

    #[inline(always)]
    fn number(self) -> u64 {
        self.0 & COUNT
    }

    /// Returns `word` without a reader or writer, as this mutator leaves it: with its logged bit
    /// and the current stop.
    #[inline(always)]
    fn unlocked(self, word: u64) -> u64 {
        (self.0 & (u64::MAX << STOP_SHIFT)) | (word & LOGGED)
    }
}

/// Why a cell could not be borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CellConflict {
    /// A write guard of this mutator exists.
    OwnWriter,
    /// A write guard of the mutator with this number exists: it is worth waiting.
    Writer(u32),
    /// Read guards exist: it is worth waiting unless they are this mutator's.
    Readers,
    /// A writer waits for existing read guards: it is worth letting the writer go first.
    WriterWaits,
    /// 2²¹ − 1 read guards exist, most of them forgotten.
    TooManyReaders,
}

impl CellWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Returns the word without the lock of an earlier stop ([cell.stop], [cell.logged]).
    #[inline(always)]
    fn current(word: u64, stop: u64) -> u64 {
        if word >> STOP_SHIFT == stop { word } else { (word & LOGGED) | (stop << STOP_SHIFT) }
    }

    /// Reads the word, while no other thread touches it ([cell.exclusive]).
    #[inline(always)]
    fn plain(&self) -> u64 {
        #[cfg(gc_loom)]
        return self.0.load(Ordering::Relaxed);
        // SAFETY: valid for reads; no other thread touches it ([cell.exclusive]).
        #[cfg(not(gc_loom))]
        return unsafe { self.0.as_ptr().read() };
    }

    /// Sets the word, while no other thread touches it ([cell.exclusive]).
    #[inline(always)]
    fn set_plain(&self, word: u64) {
        #[cfg(gc_loom)]
        self.0.store(word, Ordering::Relaxed);
        // SAFETY: valid for writes; otherwise as in `plain`.
        #[cfg(not(gc_loom))]
        unsafe {
            self.0.as_ptr().write(word);
        }
    }

    #[inline(always)]
    pub(crate) fn try_read(&self, user: CellUser) -> Result<(), CellConflict> {
        if user.exclusive() {
            let word = self.plain();
            if word & (WRITER | LOW) == 0 {
                self.set_plain(user.unlocked(word) + 1);
                return Ok(());
            }
            self.try_read_held(user)
        } else {
            self.change(|word| reader_added(Self::current(word, user.stop()), user))
        }
    }

    /// Does the same as [`try_read`](Self::try_read), even if a writer waits ([cell.waits]).
    pub(crate) fn try_read_first(&self, user: CellUser) -> Result<(), CellConflict> {
        self.change(|word| {
            let word = Self::current(word, user.stop());
            reader_added(word & !WAITS, user).map(|added| added | (word & WAITS))
        })
    }

    /// Sets or clears the bit which says that a writer waits for readers ([cell.waits]).
    pub(crate) fn set_waits(&self, user: CellUser, waits: bool) {
        let result = self.change(|word| {
            let word = Self::current(word, user.stop());
            // A writer has the lock: it is not readers that delay this one.
            if word & WRITER != 0 {
                Err(CellConflict::Readers)
            } else {
                Ok(if waits { word | WAITS } else { word & !WAITS })
            }
        });
        // The bit is set as wanted, or a writer has the lock, and readers do not matter.
        let _ = result;
    }

    /// Continues [`try_read`](Self::try_read) where the word has a reader or writer, of this stop
    /// or of an earlier one.
    #[cold]
    #[inline(never)]
    fn try_read_held(&self, user: CellUser) -> Result<(), CellConflict> {
        self.set_plain(reader_added(Self::current(self.plain(), user.stop()), user)?);
        Ok(())
    }

    /// Continues [`try_write`](Self::try_write) where the word has a reader or writer, of this stop
    /// or of an earlier one.
    #[cold]
    #[inline(never)]
    fn try_write_held(&self, user: CellUser) -> Result<(), CellConflict> {
        self.set_plain(writer_added(Self::current(self.plain(), user.stop()), user)?);
        Ok(())
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
        if user.exclusive() {
            let word = self.plain();
            if word & (WRITER | LOW) == 0 {
                self.set_plain(user.unlocked(word) | WRITER);
                return Ok(());
            }
            self.try_write_held(user)
        } else {
            self.change(|word| writer_added(Self::current(word, user.stop()), user))
        }
    }

    /// Ends a write that `try_write` began since the last stop.
    #[inline(always)]
    pub(crate) fn end_write(&self, exclusive: bool) {
        if exclusive {
            // Relaxed, both: [cell.exclusive]. The store is atomic so that the compiler does not write half of the word: the next
            // borrow loads all of it, and would wait for the half.
            self.0.store(self.0.load(Ordering::Relaxed) & !(WRITER | LOW), Ordering::Relaxed);
        } else {
            // Release: the next reader sees what was written.
            self.0.fetch_and(!(WRITER | LOW), mutant::RELAXED_UNLOCK.weaken(Ordering::Release));
        }
    }

    /// Changes the word by compare-and-exchange ([cell.shared]).
    #[inline]
    fn change(&self, new: impl Fn(u64) -> Result<u64, CellConflict>) -> Result<(), CellConflict> {
        // Relaxed, here and where the exchange fails: an exchange that succeeds acquires.
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            // Acquire: what the thread with the last guard wrote is seen.
            match self.0.compare_exchange(word, new(word)?, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(found) => word = found,
            }
        }
    }

    /// Returns `Ok` if no guard writes: enough for the only mutator to copy the content out at
    /// once.
    #[inline(always)]
    pub(crate) fn readable(&self, user: CellUser) -> Result<(), CellConflict> {
        debug_assert!(user.exclusive());
        // Only a word with the writer bit needs a closer look: the bit may be of an earlier stop.
        let word = self.plain();
        if word & WRITER != 0 && Self::current(word, user.stop()) & WRITER != 0 {
            return Err(CellConflict::OwnWriter);
        }
        Ok(())
    }

    /// Returns `Ok` if the only mutator may replace the content at once.
    #[inline(always)]
    pub(crate) fn writable(&self, user: CellUser) -> Result<(), CellConflict> {
        debug_assert!(user.exclusive());
        let word = self.plain();
        if word & (WRITER | LOW) == 0 {
            return Ok(());
        }
        match Self::current(word, user.stop()) & (COUNT | WRITER) {
            0 => Ok(()),
            held if held & WRITER != 0 => Err(CellConflict::OwnWriter),
            _ => Err(CellConflict::Readers),
        }
    }

    #[inline(always)]
    pub(crate) fn is_logged(&self) -> bool {
        // Relaxed: only the writer reads the bit while the world runs.
        self.0.load(Ordering::Relaxed) & LOGGED != 0
    }

    /// Sets or clears the logged bit. Called by the writer, or by the leader of a pause.
    #[inline(always)]
    pub(crate) fn set_logged(&self, logged: bool) {
        // Relaxed, both: only the writer reads the bit while the world runs; its guard or the pause orders the rest.
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
    if word & WAITS != 0 {
        return Err(CellConflict::WriterWaits);
    }
    if word & COUNT == COUNT { Err(CellConflict::TooManyReaders) } else { Ok(word + 1) }
}

#[inline(always)]
fn writer_added(word: u64, user: CellUser) -> Result<u64, CellConflict> {
    match word & (COUNT | WRITER) {
        0 => Ok((word & !WAITS) | WRITER | user.number()),
        held if held & WRITER != 0 => Err(writer(word, user)),
        _ if mutant::WRITER_AMONG_READERS.is_planted() => Ok(word | WRITER),
        _ => Err(CellConflict::Readers),
    }
}

#[inline(always)]
fn writer(word: u64, user: CellUser) -> CellConflict {
    let number = (word & COUNT) as u32;
    if user.exclusive() || number == user.number() as u32 {
        CellConflict::OwnWriter
    } else {
        CellConflict::Writer(number)
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use super::*;

    fn user(stop: u64, number: u32, exclusive: bool) -> CellUser {
        CellUser::new(stop, exclusive, number)
    }

    /// If the number of a stop wrapped, a guard that was forgotten at stop 0 would be valid again.
    #[test]
    fn the_numbers_of_stops_end_and_do_not_wrap() {
        for exclusive in [true, false] {
            let word = CellWord::new();
            word.try_write(user(0, 5, exclusive)).unwrap();
            for stop in [LAST_STOP, LAST_STOP + 1, u64::MAX] {
                word.try_write(user(stop, 5, exclusive)).unwrap();
                word.end_write(exclusive);
            }
            word.try_write(user(LAST_STOP, 5, exclusive)).unwrap();
            assert_eq!(word.try_read(user(u64::MAX, 5, exclusive)), Err(CellConflict::OwnWriter));
        }
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
    fn a_writer_that_waits_goes_before_new_readers() {
        let word = CellWord::new();
        let (reader, writer) = (user(1, 5, false), user(1, 6, false));
        word.try_read(reader).unwrap();
        assert_eq!(word.try_write(writer), Err(CellConflict::Readers));
        word.set_waits(writer, true);
        assert_eq!(word.try_read(reader), Err(CellConflict::WriterWaits));
        word.try_read_first(reader).unwrap();
        word.end_read(false);
        word.end_read(false);
        word.try_write(writer).unwrap();
        word.end_write(false);
        word.try_read(reader).unwrap();
        word.set_waits(writer, true);
        word.set_waits(writer, false);
        word.try_read(reader).unwrap();
    }

    #[test]
    fn readers_never_overflow_into_the_writer() {
        let word = CellWord(AtomicU64::new(COUNT - 1));
        word.try_read(user(0, 1, true)).unwrap();
        assert_eq!(word.try_read(user(0, 1, true)), Err(CellConflict::TooManyReaders));
        assert_eq!(word.try_write(user(0, 1, true)), Err(CellConflict::Readers));
    }
}
