//! Counting all that is shared, when nobody writes to it any more.

use std::collections::HashSet;

use gc_core::{Gc, Mutator};

use super::objects::{Coin, Notice};

/// What was met so far.
#[derive(Default)]
pub(super) struct Census<'gc> {
    serials: HashSet<usize>,
    todo: Vec<Gc<'gc, Notice<'gc>>>,
    coins: Vec<u64>,
    counted: Counted,
}

/// What there is.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) objects: usize,
    pub(super) tokens: HashSet<usize>,
}

impl<'gc> Census<'gc> {
    /// Objects that lead to others only.
    pub(super) fn objects(&mut self, count: usize) {
        self.counted.objects += count;
    }

    pub(super) fn token(&mut self, token: usize) {
        assert!(self.counted.tokens.insert(token), "token {token} is in two places");
    }

    /// A place that holds a coin.
    pub(super) fn coin(&mut self, coin: Gc<'gc, Coin<'gc>>) {
        coin.whole();
        self.coins.push(coin.number());
        // And its metal.
        self.objects(2);
    }

    /// A place that holds a notice, perhaps one of several.
    pub(super) fn notice(&mut self, notice: Gc<'gc, Notice<'gc>>) {
        notice.whole();
        if self.serials.insert(notice.serial()) {
            self.todo.push(notice);
        }
    }

    /// Follows the notices. Each coin below `coins` must have been met once.
    pub(super) fn finish(mut self, m: &'gc Mutator, coins: u64) -> Counted {
        while let Some(notice) = self.todo.pop() {
            let notice = Gc::as_ref(notice);
            self.objects(notice.objects());
            notice.tokens().for_each(|token| self.token(token));
            let bag = notice.bag.borrow(m);
            notice
                .before()
                .into_iter()
                .chain(notice.next.get())
                .chain(bag.iter().copied())
                .for_each(|n| self.notice(n));
        }
        self.coins.sort_unstable();
        assert_eq!(self.coins, (0..coins).collect::<Vec<_>>(), "each coin is in one place");
        self.counted
    }
}
