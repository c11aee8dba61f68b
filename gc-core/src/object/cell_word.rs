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
/// - **[cell.stop]** The lock (writer, readers) counts only if the stop is the user's last one: no guard survives a stop, so
///   what an earlier one says was left by a forgotten guard, and the cell is free. No two stops of a process have the same
///   number, whatever their heaps, for a cell on a stack may be used under one heap after another. The numbers do not wrap: the
///   last one, [`LAST_STOP`], is that of all later stops too, and a guard that is forgotten after it counts for ever.
/// - **[cell.logged]** `logged` is independent of the stop: it is set if and only if the cell is in the remembered set. The writer sets it,
///   the leader of a pause clears it.
/// - **[cell.exclusive]** While one mutator is attached, nobody else touches the word: it is read and written as plain memory, which the
///   compiler may keep in registers from a borrow to its end, as it does for `RefCell`. Which way is the right one changes in
///   stops only, so a guard ends the way it began.
/// - **[cell.shared]** Otherwise the lock is taken by compare-and-exchange (Acquire) and ended by one read-modify-write (Release).
/// - **[cell.waits]** `waits`: a writer waits among readers. New readers hold back for a while, so that guards which overlap without a gap
///   do not keep it out for ever; not for long, as one of them may be in the way of its own next read. Whoever writes clears it.
pub struct CellWord(AtomicU64);

/// Whoever holds the lock, or waits for it.
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
/// In a [`CellUser`], where a word says `logged`.
const SHARED: u64 = LOGGED;

/// The mutator that uses a cell: one word, laid out as a cell's, so that it stays in a register and lends its stop.
///
/// ```text
///   63 … 24 | 23     | 20 ………… 0
///   stop    | shared | number
/// ```
#[derive(Clone, Copy)]
pub(crate) struct CellUser(u64);

impl CellUser {
    /// The mutator with this number, up to [`LAST_NUMBER`], after stop `stop`; `exclusive` if it is the only one ([cell.exclusive]).
    pub(crate) fn new(stop: u64, exclusive: bool, number: u32) -> Self {
        debug_assert!(number <= LAST_NUMBER);
        let shared = if exclusive { 0 } else { SHARED };
        Self((stop.min(LAST_STOP) << STOP_SHIFT) | shared | u64::from(number))
    }

    /// Itself after another stop.
    pub(crate) fn after(self, stop: u64, exclusive: bool) -> Self {
        Self::new(stop, exclusive, self.number() as u32)
    }

    /// [cell.exclusive].
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

    /// A word that nobody reads or writes, as this mutator leaves it: with its log and the stop of now.
    #[inline(always)]
    fn unlocked(self, word: u64) -> u64 {
        (self.0 & (u64::MAX << STOP_SHIFT)) | (word & LOGGED)
    }
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
    /// A writer waits for read guards that are out: worth letting it go first.
    WriterWaits,
    /// 2²¹ − 1 read guards are out, most of them forgotten.
    TooManyReaders,
}

impl CellWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The word without what an earlier stop left in it ([cell.stop], [cell.logged]).
    #[inline(always)]
    fn current(word: u64, stop: u64) -> u64 {
        if word >> STOP_SHIFT == stop { word } else { (word & LOGGED) | (stop << STOP_SHIFT) }
    }

    /// The word, while nobody else touches it ([cell.exclusive]).
    #[inline(always)]
    fn plain(&self) -> u64 {
        #[cfg(gc_loom)]
        return self.0.load(Ordering::Relaxed);
        // SAFETY: valid for reads; no other thread touches it ([cell.exclusive]).
        #[cfg(not(gc_loom))]
        return unsafe { self.0.as_ptr().read() };
    }

    /// Sets the word, while nobody else touches it ([cell.exclusive]).
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

    /// [`try_read`](Self::try_read), whether a writer waits or not ([cell.waits]).
    pub(crate) fn try_read_first(&self, user: CellUser) -> Result<(), CellConflict> {
        self.change(|word| {
            let word = Self::current(word, user.stop());
            reader_added(word & !WAITS, user).map(|added| added | (word & WAITS))
        })
    }

    /// Says, or takes back, that a writer waits for readers ([cell.waits]).
    pub(crate) fn set_waits(&self, user: CellUser, waits: bool) {
        let result = self.change(|word| {
            let word = Self::current(word, user.stop());
            // A writer has the lock: it is not readers that are in the way.
            if word & WRITER != 0 {
                Err(CellConflict::Readers)
            } else {
                Ok(if waits { word | WAITS } else { word & !WAITS })
            }
        });
        // Readers are told or there is nobody to tell.
        let _ = result;
    }

    /// [`try_read`](Self::try_read) where somebody reads or writes, or did before a stop.
    #[cold]
    #[inline(never)]
    fn try_read_held(&self, user: CellUser) -> Result<(), CellConflict> {
        self.set_plain(reader_added(Self::current(self.plain(), user.stop()), user)?);
        Ok(())
    }

    /// [`try_write`](Self::try_write) where somebody reads or writes, or did before a stop.
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
            // Relaxed, both: [cell.exclusive]. Atomic, so that the compiler does not write half of the word, which the next borrow's load
            // of all of it would wait for.
            self.0.store(self.0.load(Ordering::Relaxed) & !(WRITER | LOW), Ordering::Relaxed);
        } else {
            // Release: the next reader sees what was written.
            self.0.fetch_and(!(WRITER | LOW), mutant::RELAXED_UNLOCK.weaken(Ordering::Release));
        }
    }

    /// [cell.shared].
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
        debug_assert!(user.exclusive());
        // Only a word that says writer is looked at closely: it may be of an earlier stop.
        let word = self.plain();
        if word & WRITER != 0 && Self::current(word, user.stop()) & WRITER != 0 {
            return Err(CellConflict::OwnWriter);
        }
        Ok(())
    }

    /// Whether the content may be replaced on the spot, by the one mutator.
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

    /// Were the number of a stop to wrap, a guard that was forgotten at stop 0 would be alive again.
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
