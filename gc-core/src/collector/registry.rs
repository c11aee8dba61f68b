//! The participants of a heap: its mutators, and the collections whose reports they may share.

use core::{cell::Cell, ptr::NonNull};
use std::{thread::Thread, time::Instant};

use crate::{
    object::LAST_NUMBER,
    roots::RootTable,
    safepoint::{Listed, Members, StateWord},
    stats::CollectReport,
};

use super::mutator_state::MutatorState;

/// The participants of the heap. The thread that holds the lock is the leader: no other thread
/// attaches, detaches or collects meanwhile.
#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) mutators: Members<Attached>,
    /// For each of the young generations, the last collection that collected it.
    pub(crate) last: [Option<Finished>; 2],
    /// When the last pause ended, and the bytes of the old generation then.
    pub(crate) resumed: Option<(Instant, usize)>,
    pub(crate) numbers: Numbers,
}

impl Registry {
    /// Removes a mutator that detaches.
    pub(crate) fn leave(&mut self, mutator: Attached) {
        self.mutators.leave(&mutator);
        self.numbers.give_back(mutator.state().number);
    }
}

/// A collection that has ended.
#[derive(Clone, Copy)]
pub(crate) struct Finished {
    /// The value of `Epochs::collections` while it ran.
    pub(crate) started: u64,
    pub(crate) report: CollectReport,
}

/// An attached mutator.
#[derive(Clone, Copy)]
pub(crate) struct Attached(NonNull<MutatorState>);

// SAFETY: only the leader of a pause follows the pointer ([mutator-state.owner]).
unsafe impl Send for Attached {}

impl Attached {
    pub(crate) fn new(state: NonNull<MutatorState>) -> Self {
        Self(state)
    }

    /// Returns where the mutator's state is.
    pub(crate) fn pointer(&self) -> NonNull<MutatorState> {
        self.0
    }

    /// Returns the mutator's state. Its word and poll may be used at any time, the rest only while
    /// the world is stopped.
    pub(crate) fn state(&self) -> &MutatorState {
        // SAFETY: its owner frees it only after the registry has forgotten it.
        unsafe { self.0.as_ref() }
    }

    /// Returns the name of the thread that the mutator belongs to, and its number.
    pub(crate) fn thread(&self) -> String {
        name(&self.state().thread)
    }
}

impl Listed for Attached {
    fn word(&self) -> &StateWord {
        &self.state().word
    }

    fn place(&self) -> &Cell<usize> {
        &self.state().place
    }

    fn may_fall_dormant(&self) -> bool {
        self.state().roots.frames.is_settled()
    }
}

impl AsRef<RootTable> for Attached {
    fn as_ref(&self) -> &RootTable {
        &self.state().roots
    }
}

/// Returns a thread's name and number, for messages.
pub(crate) fn name(thread: &Thread) -> String {
    match thread.name() {
        Some(name) => format!("thread `{name}` ({:?})", thread.id()),
        None => format!("an unnamed thread ({:?})", thread.id()),
    }
}

/// The numbers of attached mutators, from 1 on; 0 is the concurrent thread's.
///
/// The number of a mutator that has detached *rests* until the next stop. Then it may be given to
/// another mutator. The reason is that the word of a cell names its writer by this number, and that
/// a guard may have been forgotten: until the next stop, a new mutator with the number would take
/// the forgotten guard for its own ([cell.stop]).
#[derive(Default)]
pub(crate) struct Numbers {
    last: u32,
    free: Vec<u32>,
    /// The numbers that rest.
    resting: Vec<u32>,
}

impl Numbers {
    /// Returns a number that no other mutator has, or `None` if all are taken. A resting number is
    /// used only if there is no other.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let fresh = |last: &mut u32| {
            (*last < LAST_NUMBER).then(|| {
                *last += 1;
                *last
            })
        };
        self.free.pop().or_else(|| fresh(&mut self.last)).or_else(|| self.resting.pop())
    }

    pub(crate) fn give_back(&mut self, number: u32) {
        self.resting.push(number);
    }

    /// Ends the rest of all numbers. The world is stopped, and this stop ends the guards that were
    /// forgotten before it.
    pub(crate) fn end_rest(&mut self) {
        self.free.append(&mut self.resting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If numbers only grew, those of a server that attaches for each request would run into the
    /// flags of a cell's word.
    #[test]
    fn numbers_of_mutators_are_given_again_and_end() {
        let mut numbers = Numbers::default();
        for _ in 0..10 {
            let taken = [numbers.take(), numbers.take()];
            assert!(taken.iter().flatten().all(|&number| number == 1 || number == 2), "{taken:?}");
            taken.into_iter().flatten().for_each(|number| numbers.give_back(number));
            numbers.end_rest();
        }
        let rests = numbers.take().unwrap();
        numbers.give_back(rests);
        assert_eq!([numbers.take(), numbers.take(), numbers.take()], [Some(3 - rests), Some(3), Some(4)]);
        let mut numbers = Numbers { last: LAST_NUMBER - 1, ..Numbers::default() };
        assert_eq!([numbers.take(), numbers.take()], [Some(LAST_NUMBER), None]);
        numbers.give_back(7);
        assert_eq!(numbers.take(), Some(7));
    }
}
