//! Safe programs try to make a ring of counted references out of types that are proven to be acyclic. Whatever they do, all is gone
//! when their last handle is.

use std::{
    mem,
    sync::{Arc, Mutex, Weak},
    thread,
};

use gc_core::{Acyclic, Counted, CountedWeak, Heap, Trace};
use gc_tests::{
    heaps::wait_until,
    ledger::{Ledger, Token},
    random::Random,
};

/// Programs over one kind of handle, which `$cyclic` makes with a weak handle to what it will be one to.
macro_rules! programs {
    ($name:ident, $strong:ident, $weak:ident, $cyclic:path) => {
        mod $name {
            use super::*;

            /// Everything that leads from one node to another and is acyclic.
            #[derive(Trace)]
            #[trace(leaf, acyclic)]
            pub struct Node {
                token: Token,
                ledger: Ledger,
                strong: Vec<$strong<Node>>,
                weak: Vec<$weak<Node>>,
                parent: Mutex<$weak<Node>>,
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
            pub struct Program {
                random: Random,
                pub ledger: Ledger,
                pub hand: Vec<$strong<Node>>,
                pub weak: Vec<$weak<Node>>,
            }

            impl Program {
                pub fn new(seed: u64) -> Self {
                    Self { random: Random::new(seed), ledger: Ledger::default(), hand: Vec::new(), weak: Vec::new() }
                }

                fn below(&mut self, bound: usize) -> usize {
                    self.random.below(bound as u64) as usize
                }

                /// A handle out of the hand, or a new one.
                fn take(&mut self) -> $strong<Node> {
                    match self.hand.len() {
                        0 => $strong::new(Node::new(&self.ledger)),
                        len => {
                            let i = self.below(len);
                            self.hand.swap_remove(i)
                        }
                    }
                }

                pub fn step(&mut self) {
                    let mut node = self.take();
                    let other = self.take();
                    match self.below(14) {
                        // New nodes, with all there is in hand of others.
                        0 => {
                            let mut new = Node::new(&self.ledger);
                            new.strong.extend([$strong::clone(&node), $strong::clone(&other)]);
                            self.hand.push($strong::new(new));
                        }
                        // With a weak handle to itself.
                        1 => {
                            let ledger = self.ledger.clone();
                            let new = $cyclic(|this: &$weak<Node>| {
                                let mut new = Node::new(&ledger);
                                new.strong.push($strong::clone(&other));
                                new.strong.extend(this.upgrade());
                                new.weak.push($weak::clone(this));
                                new.parent = Mutex::new($weak::clone(this));
                                new
                            });
                            self.hand.push(new);
                        }
                        // By exclusive access, if that is to be had.
                        2 | 3 => {
                            if let Some(content) = $strong::get_mut(&mut node) {
                                content.strong.push($strong::clone(&other));
                            }
                        }
                        4 => $strong::make_mut(&mut node).strong.push($strong::clone(&other)),
                        // Far inside.
                        5 => {
                            let mut place = $strong::get_mut(&mut node);
                            while let Some(content) = place {
                                match content.strong.len() {
                                    0 => {
                                        content.strong.push($strong::clone(&other));
                                        break;
                                    }
                                    len => {
                                        place = $strong::get_mut(
                                            &mut content.strong[self.random.below(len as u64) as usize],
                                        )
                                    }
                                }
                            }
                        }
                        // What leads from one leads from the other.
                        6 => {
                            let mut other = $strong::clone(&other);
                            mem::swap(
                                &mut $strong::make_mut(&mut node).strong,
                                &mut $strong::make_mut(&mut other).strong,
                            );
                            self.hand.push(other);
                        }
                        // Out again.
                        7 => {
                            let taken = $strong::get_mut(&mut node).and_then(|content| content.strong.pop());
                            self.hand.extend(taken);
                        }
                        8 => {
                            if let Ok(mut content) = $strong::try_unwrap(node) {
                                self.hand.append(&mut content.strong);
                            }
                            self.hand.push(other);
                            return;
                        }
                        // Weak handles, made strong while others have `&mut`, or a lock.
                        9 => self.weak.push($strong::downgrade(&node)),
                        10 => {
                            let upgraded: Vec<_> = self.weak.iter().filter_map($weak::upgrade).take(3).collect();
                            if let Some(content) = $strong::get_mut(&mut node) {
                                content.strong.extend(upgraded);
                                content.weak.append(&mut self.weak);
                            }
                        }
                        11 => *node.parent.lock().unwrap() = $strong::downgrade(&other),
                        12 => {
                            let parent = node.parent.lock().unwrap().upgrade();
                            let node = $strong::make_mut(&mut node);
                            node.strong.extend(parent);
                        }
                        _ => self.hand.push($strong::clone(&node)),
                    }
                    self.hand.push(node);
                    if self.hand.len() < 20 {
                        self.hand.push(other);
                    }
                }
            }
        }
    };
}
programs!(arcs, Arc, Weak, Arc::new_cyclic);
programs!(counted, Counted, CountedWeak, with_weak);

/// `Counted` has no `new_cyclic`: the weak handle is to an object that loses its contents when the new ones are written.
fn with_weak<T: Acyclic + Clone>(make: impl Fn(&CountedWeak<T>) -> T) -> Counted<T> {
    let mut made = Counted::new(make(&CountedWeak::new()));
    let weak = Counted::downgrade(&made);
    let again = make(&weak);
    *Counted::make_mut(&mut made) = again;
    made
}

#[test]
fn programs_of_arcs_make_no_ring() {
    for seed in 0..300 {
        let mut program = arcs::Program::new(seed);
        (0..300).for_each(|_| program.step());
        let arcs::Program { ledger, hand, weak, .. } = program;
        assert!(ledger.made() > ledger.dropped(), "a program with nothing in hand, seed {seed}");
        drop(hand);
        ledger.assert_all_once();
        assert!(weak.iter().all(|weak| weak.upgrade().is_none()), "seed {seed}");
    }
}

#[test]
fn programs_of_counted_make_no_ring() {
    let heap = Heap::builder().build().expect("a heap");
    for seed in 0..300 {
        // Every other one on a thread that runs a mutator, which counts in another way.
        let mutator = (seed % 2 == 0).then(|| heap.attach().expect("a mutator"));
        let mut program = counted::Program::new(seed);
        (0..300).for_each(|_| program.step());
        let counted::Program { ledger, hand, weak, .. } = program;
        assert!(ledger.made() > ledger.dropped(), "a program with nothing in hand, seed {seed}");
        drop(hand);
        ledger.assert_all_once();
        assert!(weak.iter().all(|weak| weak.upgrade().is_none()), "seed {seed}");
        drop(mutator);
    }
}

/// A program goes from thread to thread, some of which run a mutator meanwhile.
#[test]
fn programs_on_several_threads_make_no_ring() {
    let heap = Heap::builder().build().expect("a heap");
    for seed in 0..60 {
        let mut program = counted::Program::new(seed);
        let ledger = program.ledger.clone();
        let mut m = heap.attach().expect("a mutator");
        for turn in 0..8 {
            (0..30).for_each(|_| program.step());
            let heap = heap.clone();
            let away = move || {
                let mutator = (turn % 4 == 0).then(|| heap.attach().expect("a mutator"));
                (0..30).for_each(|_| program.step());
                drop(mutator);
                program
            };
            program = if turn % 2 == 0 {
                m.blocked(|| thread::spawn(away).join()).expect("a program")
            } else {
                // The owner of what was made here runs, and is at no safepoint, for which attaching would wait.
                thread::spawn(away).join().expect("a program")
            };
            m.safepoint();
        }
        drop(program);
        drop(m);
        // What died by the hand of another thread is dropped on the heap's own.
        wait_until("all is dropped", || ledger.dropped() == ledger.made());
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
