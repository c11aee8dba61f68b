//! Letters: roots that go from thread to thread.

use std::{
    sync::mpsc::{Receiver, Sender},
    thread,
};

use gc_core::{Gc, Mutator, Root, Slot, Trace};

use super::{
    super::machine::Lent,
    board::Board,
    census::Census,
    objects::{Coin, Maker, Notice, Purse},
};
use crate::ledger::Token;

/// A root on its way, or kept by whom it came to.
pub(super) enum Letter {
    Coin(Root<Gc<'static, Coin<'static>>>),
    Coins(Root<Purse<'static>>),
    Notice(Root<Gc<'static, Notice<'static>>>),
    /// Roots that were made one after the other, and will be dropped so.
    Many(Vec<Root<Gc<'static, Notice<'static>>>>),
    Bundle(Root<Bundle<'static>>),
    /// A root of a machine, which goes home to it.
    Lent {
        owner: usize,
        lent: Lent,
    },
}

/// Notices in a root of its own memory, with a destructor.
#[derive(Trace)]
pub(super) struct Bundle<'gc> {
    pub(super) token: Token,
    pub(super) notices: Vec<Gc<'gc, Notice<'gc>>>,
    pub(super) top: Slot<'gc, Notice<'gc>>,
}

/// Where a thread's letters come from and go to.
pub(super) struct Mail {
    pub(super) number: usize,
    pub(super) inbox: Receiver<Letter>,
    pub(super) outboxes: Vec<Sender<Letter>>,
}

impl Mail {
    /// To any thread, this one too. The receivers are there until all threads are done.
    pub(super) fn send(&self, to: usize, letter: Letter) {
        // If one has failed, nobody looks for what is lost.
        self.outboxes[to % self.outboxes.len()].send(letter).ok();
    }
}

impl Letter {
    /// Roots of what is on the board, made one after the other.
    pub(super) fn many<'gc>(m: &'gc Mutator, board: Gc<'gc, Board<'gc>>, place: u32, count: u32) -> Self {
        let root = |turn| board.at(place.wrapping_add(turn % 5)).map(|notice| m.root(notice));
        Self::Many((0..count).filter_map(root).collect())
    }

    /// A bundle of what is on the board and something new.
    pub(super) fn bundle<'gc>(m: &'gc Mutator, board: Gc<'gc, Board<'gc>>, place: u32, maker: &mut Maker) -> Self {
        let notices = board.at(place).into_iter().chain(maker.notice(m, None)).collect();
        let top = Slot::new(board.at(place.wrapping_add(1)));
        Self::Bundle(m.root(Bundle { token: maker.token(), notices, top }))
    }

    /// Another root of the same, to take the place of this one. Bundles and what is lent stay as they are.
    pub(super) fn renewed(self, m: &Mutator) -> (Self, Option<Self>) {
        let new = match &self {
            Self::Coin(root) => Self::Coin(root.clone_in(m)),
            Self::Coins(root) => Self::Coins(root.clone_in(m)),
            Self::Notice(root) => Self::Notice(root.clone_in(m)),
            Self::Many(roots) => Self::Many(roots.iter().map(|root| root.clone_in(m)).collect()),
            Self::Bundle(_) | Self::Lent { .. } => return (self, None),
        };
        (new, Some(self))
    }

    /// Drops it, roots one by one, for collections to come between.
    pub(super) fn drop_slowly(self) {
        if let Self::Many(roots) = self {
            for root in roots {
                drop(root);
                thread::yield_now();
            }
        }
    }

    /// Counts what is in it.
    pub(super) fn count<'gc>(&'gc self, m: &'gc Mutator, census: &mut Census<'gc>) {
        match self {
            Self::Coin(root) => census.coin(root.get(m)),
            Self::Coins(root) => root.borrow(m).iter().for_each(|&coin| census.coin(coin)),
            Self::Notice(root) => census.notice(root.get(m)),
            Self::Many(roots) => roots.iter().for_each(|root| census.notice(root.get(m))),
            Self::Bundle(root) => {
                let bundle = root.borrow(m);
                census.token(bundle.token.number());
                bundle.notices.iter().copied().chain(bundle.top.get()).for_each(|notice| census.notice(notice));
            }
            Self::Lent { .. } => unreachable!("it has come home"),
        }
    }
}
