//! Counting all that is shared, when nobody writes to it any more.

use std::collections::HashSet;

use gc_core::{Gc, Mutator, Weak};

use super::{
    board::Tie,
    objects::{Coin, Notice},
};

/// What was met so far.
#[derive(Default)]
pub(super) struct Census<'gc> {
    serials: HashSet<usize>,
    todo: Vec<Gc<'gc, Notice<'gc>>>,
    coins: Vec<u64>,
    pub(super) marks: Vec<Weak<'gc, Notice<'gc>>>,
    pub(super) ties: Vec<Tie<'gc>>,
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

    /// Follows the notices. Each coin below `coins` must have been met once; and if `exactly`, what was not met is dead.
    pub(super) fn finish(mut self, m: &'gc Mutator, coins: u64, exactly: bool) -> Counted {
        self.objects(self.ties.len());
        loop {
            self.follow(m);
            let met = |notice: &Gc<'gc, Notice<'gc>>| self.serials.contains(&notice.serial());
            let values: Vec<_> = self.ties.iter().filter_map(|tie| tie.get(m)).collect();
            let values = values.into_iter().filter(|(key, value)| met(key) && !met(value));
            let values: Vec<_> = values.map(|(_, value)| value).collect();
            if values.is_empty() {
                break;
            }
            values.into_iter().for_each(|value| self.notice(value));
        }
        let found = self.marks.iter().filter_map(|mark| mark.upgrade(m));
        let keys = self.ties.iter().filter_map(|tie| tie.key(m));
        for notice in found.chain(keys) {
            notice.whole();
            assert!(!exactly || self.serials.contains(&notice.serial()), "notice {} is dead", notice.serial());
        }
        self.coins.sort_unstable();
        assert_eq!(self.coins, (0..coins).collect::<Vec<_>>(), "each coin is in one place");
        self.counted
    }

    fn follow(&mut self, m: &'gc Mutator) {
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
    }
}
