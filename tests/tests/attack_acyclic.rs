//! Safe programs try to make a ring of counted references out of types that are proven to be acyclic. Whatever they do, all is gone
//! when their last handle is.

#![forbid(unsafe_code)]

use std::{
    mem,
    sync::{Arc, Mutex, Weak},
};

use gc_core::{Acyclic, Trace};
use gc_tests::{
    ledger::{Ledger, Token},
    random::Random,
};

/// Everything that leads from one node to another and is acyclic.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Node {
    token: Token,
    ledger: Ledger,
    strong: Vec<Arc<Node>>,
    weak: Vec<Weak<Node>>,
    parent: Mutex<Weak<Node>>,
}

impl Node {
    fn new(ledger: &Ledger) -> Self {
        let (strong, weak) = (Vec::new(), Vec::new());
        Self { token: ledger.token(), ledger: ledger.clone(), strong, weak, parent: Mutex::default() }
    }
}

/// A node with the same handles.
impl Clone for Node {
    fn clone(&self) -> Self {
        let (strong, weak) = (self.strong.clone(), self.weak.clone());
        let parent = Mutex::new(self.parent.lock().unwrap().clone());
        Self { token: self.ledger.token(), ledger: self.ledger.clone(), strong, weak, parent }
    }
}

/// A destructor that reaches for every handle there is.
impl Drop for Node {
    fn drop(&mut self) {
        for weak in self.weak.drain(..) {
            self.strong.extend(weak.upgrade());
        }
        let parent = mem::take(&mut *self.parent.lock().unwrap());
        self.strong.extend(parent.upgrade());
    }
}

/// A program by chance, and what it has in hand.
struct Program {
    random: Random,
    ledger: Ledger,
    hand: Vec<Arc<Node>>,
    weak: Vec<Weak<Node>>,
}

impl Program {
    fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), ledger: Ledger::default(), hand: Vec::new(), weak: Vec::new() }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    /// A handle out of the hand, or a new one.
    fn take(&mut self) -> Arc<Node> {
        match self.hand.len() {
            0 => Arc::new(Node::new(&self.ledger)),
            len => {
                let i = self.below(len);
                self.hand.swap_remove(i)
            }
        }
    }

    fn step(&mut self) {
        let mut node = self.take();
        let other = self.take();
        match self.below(14) {
            // New nodes, with all there is in hand of others.
            0 => {
                let mut new = Node::new(&self.ledger);
                new.strong.extend([Arc::clone(&node), Arc::clone(&other)]);
                self.hand.push(Arc::new(new));
            }
            // With a weak handle to itself, there before the node is.
            1 => {
                let ledger = self.ledger.clone();
                let new = Arc::new_cyclic(|this: &Weak<Node>| {
                    assert!(this.upgrade().is_none());
                    let mut new = Node::new(&ledger);
                    new.strong.push(Arc::clone(&other));
                    new.weak.push(Weak::clone(this));
                    new.parent = Mutex::new(Weak::clone(this));
                    new
                });
                self.hand.push(new);
            }
            // By exclusive access, if that is to be had.
            2 | 3 => {
                if let Some(content) = Arc::get_mut(&mut node) {
                    content.strong.push(Arc::clone(&other));
                }
            }
            4 => Arc::make_mut(&mut node).strong.push(Arc::clone(&other)),
            // Far inside.
            5 => {
                let mut place = Arc::get_mut(&mut node);
                while let Some(content) = place {
                    match content.strong.len() {
                        0 => {
                            content.strong.push(Arc::clone(&other));
                            break;
                        }
                        len => place = Arc::get_mut(&mut content.strong[self.random.below(len as u64) as usize]),
                    }
                }
            }
            // What leads from one leads from the other.
            6 => {
                let mut other = Arc::clone(&other);
                mem::swap(&mut Arc::make_mut(&mut node).strong, &mut Arc::make_mut(&mut other).strong);
                self.hand.push(other);
            }
            // Out again.
            7 => {
                let taken = Arc::get_mut(&mut node).and_then(|content| content.strong.pop());
                self.hand.extend(taken);
            }
            8 => {
                if let Ok(mut content) = Arc::try_unwrap(node) {
                    self.hand.append(&mut content.strong);
                }
                self.hand.push(other);
                return;
            }
            // Weak handles, made strong while others have `&mut`, or a lock.
            9 => self.weak.push(Arc::downgrade(&node)),
            10 => {
                let upgraded: Vec<_> = self.weak.iter().filter_map(Weak::upgrade).take(3).collect();
                if let Some(content) = Arc::get_mut(&mut node) {
                    content.strong.extend(upgraded);
                    content.weak.append(&mut self.weak);
                }
            }
            11 => *node.parent.lock().unwrap() = Arc::downgrade(&other),
            12 => {
                let parent = node.parent.lock().unwrap().upgrade();
                let node = Arc::make_mut(&mut node);
                node.strong.extend(parent);
            }
            _ => self.hand.push(Arc::clone(&node)),
        }
        self.hand.push(node);
        if self.hand.len() < 20 {
            self.hand.push(other);
        }
    }
}

#[test]
fn programs_by_chance_make_no_ring() {
    fn counts<T: Acyclic>() {}
    counts::<Node>();
    for seed in 0..300 {
        let mut program = Program::new(seed);
        for _ in 0..300 {
            program.step();
        }
        let Program { ledger, hand, weak, .. } = program;
        assert!(ledger.made() > ledger.dropped(), "a program with nothing in hand, seed {seed}");
        drop(hand);
        assert_eq!(ledger.dropped(), ledger.made(), "a ring, seed {seed}");
        assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
        ledger.assert_all_once();
    }
}

/// `assume_acyclic` is the user's word. Where it is wrong memory leaks, and no more.
#[test]
fn a_ring_by_a_wrong_word_leaks() {
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Ring {
        token: Token,
        #[trace(assume_acyclic)]
        next: Mutex<Option<Arc<Ring>>>,
    }
    let ledger = Ledger::default();
    let ring = Arc::new(Ring { token: ledger.token(), next: Mutex::default() });
    *ring.next.lock().unwrap() =
        Some(Arc::new(Ring { token: ledger.token(), next: Mutex::new(Some(Arc::clone(&ring))) }));
    let weak = Arc::downgrade(&ring);
    drop(ring);
    assert_eq!(ledger.dropped(), 0, "nobody has a handle, and nothing goes");

    let ring = weak.upgrade().expect("the ring keeps itself");
    assert_eq!(ring.token.number(), 0);
    drop(ring.next.lock().unwrap().take());
    drop(ring);
    ledger.assert_all_once();
}
