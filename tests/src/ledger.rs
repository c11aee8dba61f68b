//! Destructors that count: a ledger makes tokens and knows how often each was dropped.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gc_core::Trace;

/// Knows of each token that it made how often it was dropped.
#[derive(Clone, Default, Debug, Trace)]
#[trace(acyclic)]
pub struct Ledger {
    drops: Arc<Mutex<Vec<u32>>>,
}

/// A value whose destructor is counted.
#[derive(Trace, Debug)]
#[trace(leaf, acyclic)]
pub struct Token {
    ledger: Ledger,
    number: usize,
}

impl Ledger {
    fn drops(&self) -> MutexGuard<'_, Vec<u32>> {
        // A test that failed elsewhere has panicked.
        self.drops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new token.
    pub fn token(&self) -> Token {
        let mut drops = self.drops();
        drops.push(0);
        Token { ledger: self.clone(), number: drops.len() - 1 }
    }

    /// How many tokens were made.
    pub fn made(&self) -> usize {
        self.drops().len()
    }

    /// How many destructors have run.
    pub fn dropped(&self) -> usize {
        self.drops().iter().map(|&drops| drops as usize).sum()
    }

    /// Checks that no token was dropped twice.
    #[track_caller]
    pub fn assert_none_twice(&self) {
        let twice = self.drops().iter().position(|&drops| drops > 1);
        assert_eq!(twice, None, "a token was dropped more than once");
    }

    /// Checks that each token was dropped once.
    #[track_caller]
    pub fn assert_all_once(&self) {
        self.assert_live(|_| false);
    }

    /// Checks that the tokens that `lives` says were not dropped, and each other one once.
    #[track_caller]
    pub fn assert_live(&self, lives: impl Fn(usize) -> bool) {
        for (number, &drops) in self.drops().iter().enumerate() {
            assert_eq!(drops, u32::from(!lives(number)), "drops of token {number}, which lives: {}", lives(number));
        }
    }

    /// Checks that none of the tokens in `least` was dropped, and each that is not in `most` once.
    #[track_caller]
    pub fn assert_between(&self, least: &HashSet<usize>, most: &HashSet<usize>) {
        for (number, &drops) in self.drops().iter().enumerate() {
            let (lives, may) = (least.contains(&number), most.contains(&number));
            assert!(drops <= u32::from(!lives), "token {number}, which lives: {lives}, was dropped {drops} times");
            assert!(drops == 1 || may, "token {number}, which is dead, was dropped {drops} times");
        }
    }
}

impl Token {
    /// Which one it is.
    pub fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.ledger.drops()[self.number] += 1;
    }
}
