//! The members of a rendezvous: those that a stop acts on, and the dormant ones
//! ([safepoint.dormant]). The thread that changes the lists has the registry lock.

use core::cell::Cell;

use super::StateWord;

/// A mutator, as the lists have it.
pub(crate) trait Listed {
    /// Returns its state word.
    fn word(&self) -> &StateWord;

    /// Returns where its place in its list is kept.
    fn place(&self) -> &Cell<usize>;

    /// Returns whether a pause has nothing to do with it while it does not run. The caller leads a
    /// pause.
    fn may_fall_dormant(&self) -> bool;
}

/// The mutators of a heap.
pub(crate) struct Members<M> {
    awake: Vec<M>,
    dormant: Vec<M>,
}

impl<M> Default for Members<M> {
    fn default() -> Self {
        Self { awake: Vec::new(), dormant: Vec::new() }
    }
}

impl<M: Listed> Members<M> {
    /// Returns the mutators that a stop acts on.
    pub(crate) fn awake(&self) -> &[M] {
        &self.awake
    }

    /// Returns the dormant ones: they do not run before they have rejoined.
    pub(crate) fn dormant(&self) -> &[M] {
        &self.dormant
    }

    /// Returns how many mutators there are.
    pub(crate) fn len(&self) -> usize {
        self.awake.len() + self.dormant.len()
    }

    /// Adds a mutator that attaches.
    pub(crate) fn enter(&mut self, member: M) {
        push(&mut self.awake, member);
    }

    /// Removes a mutator that detaches. Takes constant time, however many there are.
    pub(crate) fn leave(&mut self, member: &M) {
        let list = if member.word().is_dormant() { &mut self.dormant } else { &mut self.awake };
        remove(list, member.place().get());
    }

    /// Makes those dormant that have been BLOCKED for some stops. The caller is the leader, about
    /// to resume the mutators.
    pub(crate) fn let_fall_dormant(&mut self) {
        // The last one first: what takes the place of one that leaves has been looked at.
        for place in (0..self.awake.len()).rev() {
            if self.awake[place].may_fall_dormant() && self.awake[place].word().fall_dormant() {
                let member = remove(&mut self.awake, place);
                push(&mut self.dormant, member);
            }
        }
    }

    /// Takes the dormant mutator at `place` back among those that a stop acts on, after `catch_up`,
    /// which does to it what stops have done to those meanwhile. The caller is its owner.
    pub(crate) fn rejoin(&mut self, place: usize, catch_up: impl FnOnce()) {
        let member = remove(&mut self.dormant, place);
        debug_assert!(member.word().is_dormant() && member.place().get() == place);
        catch_up();
        member.word().end_dormancy();
        push(&mut self.awake, member);
    }
}

fn push<M: Listed>(list: &mut Vec<M>, member: M) {
    member.place().set(list.len());
    list.push(member);
}

fn remove<M: Listed>(list: &mut Vec<M>, place: usize) -> M {
    let member = list.swap_remove(place);
    if let Some(moved) = list.get(place) {
        moved.place().set(place);
    }
    member
}
