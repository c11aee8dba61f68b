//! Scenes in which the owner renews its token, since a chain has waited for long.

use super::*;
use crate::counted::owners::{LONG, renew};

/// The token after the renewal.
const NEW: u64 = OWNER + 1;

impl Scene {
    /// Returns the table where the mutator is by this token.
    fn table(&self, token: u64) -> &Owners {
        if token == NEW { &self.renewed } else { &self.owners }
    }

    /// Merges what was asked for, and renews the token if a chain has waited for long. The owner counts by `current` otherwise.
    fn drain_or_renew(&self, current: &mut u64) {
        let mut merged = self.table(*current).drain(*current);
        if merged.is_long() {
            assert_eq!(*current, OWNER, "the token is renewed once");
            merged.add(renew((&self.owners, OWNER), (&self.renewed, NEW), || *current = NEW));
        }
        self.pass_on(merged);
    }

    /// Passes a safepoint of the owner, which counts by `current`.
    fn pass_safepoint(&self, current: &mut u64) {
        if self.is_asked() {
            self.drain_or_renew(current);
        }
    }

    /// Asks the owner about an object of a chain that has waited for long, and returns it.
    fn asked_about_a_chain(&self) -> Arc<Self> {
        let chain = Self::of(LONG, Count::new(OWNER));
        self.release_of(chain.object(), NOBODY);
        chain
    }

    /// Releases a reference to any object.
    fn release_of(&self, object: Object, current: u64) {
        let thing = thing(object.count);
        thing.memory.look();
        thing.contents.look();
        let released = match thing.count.release(current) {
            Step::Counted => return,
            Step::Last => thing.count.release_last_biased(),
            Step::Elsewhere => thing.count.release_elsewhere(),
        };
        let dead = match released {
            Released::Alive => false,
            Released::Dead | Released::Unshared => true,
            Released::Ask(owner) => self.table(owner).ask(owner, object),
        };
        if dead {
            end(object);
        }
    }

    fn detach_as(&self, current: u64) {
        self.rendezvous.enter_blocked(&self.word);
        self.pass_on(self.table(current).leave(current));
    }
}

/// The owner was asked about the end of a long chain, and renews its token. It goes on using what it made before, to which another
/// thread drops a reference.
pub(super) fn renewed_while_others_drop() {
    check(|| {
        let here = Scene::new(2);
        let chain = here.asked_about_a_chain();
        let there = here.clone();
        let other = thread::spawn(move || there.release(NOBODY));
        let mut current = OWNER;
        here.pass_safepoint(&mut current);
        here.retain(current);
        here.release(current);
        here.release(current);
        here.pass_safepoint(&mut current);
        here.detach_as(current);
        other.join().unwrap();
        here.is_over();
        chain.is_over();
    });
}

/// The owner makes an object after it has renewed its token, and another thread drops a reference to that one.
pub(super) fn renewed_and_going_on() {
    check(|| {
        let here = Scene::new(1);
        let chain = here.asked_about_a_chain();
        let mut current = OWNER;
        here.pass_safepoint(&mut current);
        assert_eq!(current, NEW);
        let later = Scene::of(0, Count::new(current));
        later.retain(current);
        let (there, object) = (here.clone(), later.clone());
        let other = thread::spawn(move || there.release_of(object.object(), NOBODY));
        later.retain(current);
        here.release_of(later.object(), current);
        here.pass_safepoint(&mut current);
        here.release_of(later.object(), current);
        here.release(current);
        here.detach_as(current);
        other.join().unwrap();
        here.is_over();
        chain.is_over();
        later.is_over();
    });
}

/// The owner is on its way into `blocked` when it renews its token. Another thread drops what the owner made before, and merges it or
/// holds the owner meanwhile.
pub(super) fn renewed_into_blocked() {
    check(|| {
        let here = Scene::new(2);
        let chain = here.asked_about_a_chain();
        let there = here.clone();
        let other = thread::spawn(move || {
            there.retain(NOBODY);
            there.release(NOBODY);
            there.release(NOBODY);
        });
        let mut current = OWNER;
        assert!(here.rendezvous.enter_blocked(&here.word));
        here.drain_or_renew(&mut current);
        here.leave_blocked();
        here.release(current);
        here.detach_as(current);
        other.join().unwrap();
        here.is_over();
        chain.is_over();
    });
}
