//! What the tests of chains share: a chain, and what counts the safepoints that it takes.

use std::thread;

use gc_core::{Counted, Heap, Mutator, Trace};
use gc_tests::{
    heaps::settle,
    ledger::{Ledger, Token},
};
use parking_lot::Mutex;

/// How many safepoints a chain of one owner takes at most, as the documentation of `Counted` says.
pub const MOST: usize = 9;

/// An object that keeps others, and that drops a further one in its destructor.
#[derive(Trace)]
#[trace(leaf, acyclic)]
pub struct Node {
    pub below: Vec<Counted<Node>>,
    #[trace(assume_acyclic)]
    pub in_destructor: Mutex<Option<Counted<Node>>>,
    pub panics: bool,
    _token: Token,
}

impl Node {
    /// One that drops nothing in its destructor.
    pub fn new(ledger: &Ledger, below: Vec<Counted<Node>>) -> Self {
        Self { below, in_destructor: Mutex::new(None), panics: false, _token: ledger.token() }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.in_destructor.get_mut().take());
        assert!(!self.panics, "a destructor panics");
    }
}

/// A chain of so many links.
pub fn chain(ledger: &Ledger, links: usize) -> Counted<Node> {
    extend(ledger, None, links).unwrap()
}

/// The same, above another one.
pub fn extend(ledger: &Ledger, below: Option<Counted<Node>>, links: usize) -> Option<Counted<Node>> {
    (0..links).fold(below, |below, _| Some(Counted::new(Node::new(ledger, below.into_iter().collect()))))
}

/// Drops it on another thread, which has no mutator.
pub fn drop_elsewhere<T: Send + 'static>(value: T) {
    thread::spawn(move || drop(value)).join().unwrap();
}

/// Passes safepoints until everything is dropped, each after the heap's threads have dropped what they can. Returns how many there were.
pub fn safepoints(m: &mut Mutator, heap: &Heap, ledger: &Ledger) -> usize {
    let mut passed = 0;
    loop {
        settle(heap);
        if ledger.dropped() == ledger.made() {
            ledger.assert_all_once();
            assert_eq!(heap.stats().counted_waiting, 0);
            return passed;
        }
        assert!(m.safepoint_pending(), "{} of {} are dropped, and nobody is asked", ledger.dropped(), ledger.made());
        assert!(passed < 1000, "{} of {} are dropped after {passed} safepoints", ledger.dropped(), ledger.made());
        m.safepoint();
        passed += 1;
    }
}
