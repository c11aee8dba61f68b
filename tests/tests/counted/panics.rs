//! User code that panics or lies while a counted object is made or changed: `Clone`, iterators, comparisons, hashes.

use std::{
    cell::Cell,
    hash::{Hash, Hasher},
    iter,
    panic::{self, AssertUnwindSafe},
    sync::Mutex,
};

use gc_core::{Counted, CountedWeak, Trace};
use gc_tests::ledger::{Ledger, Token};

use crate::support::both;

fn panics<R>(f: impl FnOnce() -> R) -> bool {
    panic::catch_unwind(AssertUnwindSafe(f)).is_err()
}

thread_local! {
    /// Clones until one panics.
    static LEFT: Cell<u32> = const { Cell::new(u32::MAX) };
}

/// Clones as long as it may, and uses itself meanwhile.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Clones {
    token: Token,
    ledger: Ledger,
    /// Itself.
    weak: Mutex<CountedWeak<Clones>>,
}

impl Clones {
    fn new(ledger: &Ledger) -> Counted<Self> {
        let value = Self { token: ledger.token(), ledger: ledger.clone(), weak: Mutex::default() };
        let one = Counted::new(value);
        *one.weak.lock().unwrap() = Counted::downgrade(&one);
        one
    }
}

impl Clone for Clones {
    fn clone(&self) -> Self {
        // Whoever clones shares the object: it can be had again, changed by nobody.
        if let Some(mut again) = self.weak.lock().unwrap().upgrade() {
            assert!(Counted::get_mut(&mut again).is_none());
        }
        assert!(LEFT.replace(LEFT.get().wrapping_sub(1)) != 0, "no clones left");
        let _ = &self.token;
        Self { token: self.ledger.token(), ledger: self.ledger.clone(), weak: Mutex::default() }
    }
}

#[test]
fn a_clone_that_panics_in_make_mut_changes_nothing() {
    both(|_, _m| {
        LEFT.set(0);
        let ledger = Ledger::default();
        let mut one = Clones::new(&ledger);
        let two = one.clone();
        assert!(panics(|| {
            Counted::make_mut(&mut one);
        }));
        assert!(Counted::ptr_eq(&one, &two));
        assert_eq!((Counted::strong_count(&one), ledger.dropped()), (2, 0));
        LEFT.set(1);
        Counted::make_mut(&mut one);
        assert!(!Counted::ptr_eq(&one, &two));
        drop((one, two));
        ledger.assert_all_once();
    });
}

#[test]
fn a_clone_that_panics_in_unwrap_or_clone_drops_the_reference() {
    both(|_, _m| {
        LEFT.set(0);
        let ledger = Ledger::default();
        let one = Clones::new(&ledger);
        let two = one.clone();
        assert!(panics(|| drop(Counted::unwrap_or_clone(one))));
        assert_eq!(Counted::strong_count(&two), 1);
        drop(two);
        ledger.assert_all_once();
    });
}

#[test]
fn clones_that_panic_in_slices_lose_nothing() {
    both(|_, _m| {
        let ledger = Ledger::default();
        let elements: Vec<Clones> = (0..5).map(|_| Counted::try_unwrap(Clones::new(&ledger)).ok().unwrap()).collect();
        LEFT.set(3);
        assert!(panics(|| Counted::<[Clones]>::from(&elements[..])));
        let mut one: Counted<[Clones]> = elements.into();
        let two = one.clone();
        LEFT.set(3);
        assert!(panics(|| {
            Counted::make_mut(&mut one);
        }));
        assert!(Counted::ptr_eq(&one, &two));
        LEFT.set(u32::MAX);
        assert_eq!(Counted::make_mut(&mut one).len(), 5);
        drop((one, two));
        ledger.assert_all_once();
    });
}

/// Says that it has another length than it has.
struct Lies<I>(I, usize);

impl<I: Iterator> Iterator for Lies<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.1, Some(self.1))
    }
}

impl<I: Iterator> ExactSizeIterator for Lies<I> {}

#[test]
fn iterators_that_lie_or_panic_lose_nothing() {
    both(|_, _m| {
        let ledger = Ledger::default();
        for said in [0, 1, 3, 5, 100] {
            let collected: Counted<[Token]> = Lies((0..3).map(|_| ledger.token()), said).collect();
            assert_eq!(collected.len(), 3);
        }
        let tokens = (0..10).map(|i| if i == 7 { panic!("no more") } else { ledger.token() });
        assert!(panics(|| tokens.collect::<Counted<[Token]>>()));
        ledger.assert_all_once();
        assert!(panics(|| Lies(iter::repeat_n(1, 3), usize::MAX).collect::<Counted<[u64]>>()), "refused, as a Vec");
    });
}

/// Compares and hashes by panicking.
#[derive(Trace, Debug)]
#[trace(acyclic)]
struct Panics(Token);

impl PartialEq for Panics {
    fn eq(&self, _: &Self) -> bool {
        panic!("eq")
    }
}

impl Hash for Panics {
    fn hash<H: Hasher>(&self, _: &mut H) {
        panic!("hash")
    }
}

#[test]
fn comparing_and_hashing_may_panic() {
    both(|_, _m| {
        let ledger = Ledger::default();
        let (one, two) = (Counted::new(Panics(ledger.token())), Counted::new(Panics(ledger.token())));
        assert!(panics(|| one == two) && panics(|| one.hash(&mut std::hash::DefaultHasher::new())));
        drop((one, two));
        ledger.assert_all_once();
    });
}
