//! Chains whose links do what they like while they go: their destructors drop chains, panic, reach safepoints and involve other threads, and
//! weak handles bring links back.

use std::{cell::RefCell, sync::mpsc, thread};

use gc_core::{Collect, Counted, CountedWeak, Level, Mutator, Trace};
use gc_tests::{
    heaps::{calm, settle},
    ledger::{Ledger, Token},
    random::Random,
    sizes::scaled,
};
use parking_lot::Mutex;

use crate::chain::{MOST, Node, chain, drop_elsewhere, extend, safepoints};

#[test]
fn chains_do_that_destructors_of_a_chain_drop() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let mut head = None;
    for _ in 0..100 {
        let mut link = Node::new(&ledger, head.into_iter().collect());
        *link.in_destructor.get_mut() = extend(&ledger, None, 100);
        head = Some(Counted::new(link));
    }
    drop_elsewhere(head);
    assert!(safepoints(&mut m, &heap, &ledger) <= MOST);
}

#[test]
fn a_chain_does_whose_destructors_panic() {
    let heap = calm().on_event(Level::Warning, |_| ()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let mut head = None;
    for link in 0..1000 {
        let mut node = Node::new(&ledger, head.into_iter().collect());
        node.panics = link % 7 < 2;
        *node.in_destructor.get_mut() = Some(chain(&ledger, 3));
        head = Some(Counted::new(node));
    }
    drop_elsewhere(head);
    assert!(safepoints(&mut m, &heap, &ledger) <= MOST);
    assert!(heap.stats().drops_panicked > 0);
    // The next chain starts anew.
    let ledger = Ledger::default();
    drop_elsewhere(chain(&ledger, 3));
    assert_eq!(safepoints(&mut m, &heap, &ledger), 3);
}

/// The heap's thread drops an object that holds a chain, after it has dropped a long one.
#[test]
fn a_chain_in_an_object_begins_anew() {
    /// Its destructor waits until it may go on.
    #[derive(Trace)]
    #[trace(leaf)]
    struct Waits(Mutex<mpsc::Receiver<()>>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let _ = self.0.get_mut().recv();
        }
    }
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..3 {
        let ledger = Ledger::default();
        drop_elsewhere(chain(&ledger, 100));
        assert_eq!(safepoints(&mut m, &heap, &ledger), MOST);
        let (go, wait) = mpsc::channel();
        m.alloc((Waits(Mutex::new(wait)), chain(&ledger, 5)));
        m.collect(Collect::Young);
        // Not before: while it collects, the mutator need not be asked.
        drop(go);
        assert_eq!(safepoints(&mut m, &heap, &ledger), 5);
    }
}

thread_local! {
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
}

/// Its destructor passes a safepoint and enters `blocked` where its thread has a mutator, and drops a chain.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Reaches {
    _below: Option<Counted<Reaches>>,
    #[trace(assume_acyclic)]
    other: Mutex<Option<Counted<Node>>>,
    _token: Token,
}

impl Drop for Reaches {
    fn drop(&mut self) {
        let mut m = MUTATOR.take();
        if let Some(m) = &mut m {
            m.safepoint();
            let other = self.other.get_mut().take();
            m.blocked(|| drop(other));
            m.safepoint();
        }
        MUTATOR.set(m);
    }
}

/// A thread with a mutator drops a chain whose links it owns, or nobody. Their destructors pass safepoints of that thread, and drop chains
/// of another owner.
#[test]
fn a_chain_does_whose_destructors_reach_safepoints() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let (send, receive) = mpsc::channel::<Vec<Counted<Node>>>();
    let (attached, is_attached) = mpsc::channel();
    let (there, its) = (heap.clone(), ledger.clone());
    let dropping = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        attached.send(()).unwrap();
        let others = m.blocked(|| receive.recv().unwrap());
        let mut head = None;
        for (place, other) in others.into_iter().enumerate() {
            let link = Reaches { _below: head, other: Mutex::new(Some(other)), _token: its.token() };
            head = Some(if place % 3 == 0 { m.blocked(|| Counted::new(link)) } else { Counted::new(link) });
        }
        MUTATOR.set(Some(m));
        drop(head);
        assert_eq!(its.dropped(), 300, "its own links");
        MUTATOR.take();
    });
    m.blocked(|| is_attached.recv().unwrap());
    send.send((0..300).map(|_| chain(&ledger, 20)).collect()).unwrap();
    while !dropping.is_finished() {
        thread::yield_now();
    }
    dropping.join().unwrap();
    assert_eq!(heap.stats().counted_waiting, 300);
    assert!(safepoints(&mut m, &heap, &ledger) <= MOST);
}

/// Destructors that pass the rest of their chain to another thread begin anew with every link.
#[test]
fn a_chain_goes_whose_destructors_have_another_thread_drop_it() {
    #[derive(Trace)]
    #[trace(leaf, acyclic)]
    struct Passes(Option<Counted<Passes>>, #[trace(assume_acyclic)] mpsc::Sender<Option<Counted<Passes>>>, Token);
    impl Drop for Passes {
        fn drop(&mut self) {
            let _ = self.1.send(self.0.take());
        }
    }
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let (send, receive) = mpsc::channel();
    let head = (0..50).fold(None, |below, _| Some(Counted::new(Passes(below, send.clone(), ledger.token()))));
    send.send(head).unwrap();
    drop(send);
    let dropping = thread::spawn(move || receive.iter().for_each(drop));
    while !dropping.is_finished() {
        m.safepoint();
    }
    dropping.join().unwrap();
    settle(&heap);
    ledger.assert_all_once();
}

/// A thread that unwinds drops chains, whose destructors panic as well.
#[test]
fn a_chain_does_that_goes_in_a_panic() {
    let heap = calm().on_event(Level::Warning, |_| ()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let mut node = Node::new(&ledger, vec![chain(&ledger, 100)]);
    node.panics = true;
    let heads = [Counted::new(node), chain(&ledger, 100)];
    let unwinds = thread::spawn(move || {
        let _heads = heads;
        panic!("with chains in hand");
    });
    assert!(unwinds.join().is_err());
    assert!(safepoints(&mut m, &heap, &ledger) <= MOST);
}

/// Others drop chains of an owner that brings links back by weak handles, takes them out, writes to them and counts them meanwhile.
#[test]
fn links_come_back_while_their_chains_go() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let (send, receive) = mpsc::channel::<(Counted<Node>, CountedWeak<Node>)>();
    let dropping = thread::spawn(move || {
        for (head, weak) in receive.iter() {
            let again = head.clone();
            drop(head);
            let below = weak.upgrade();
            drop(again);
            drop(below);
        }
    });
    let mut random = Random::new(7);
    let mut weak = Vec::new();
    for _ in 0..scaled(3000) {
        let mut head = chain(&ledger, 12);
        let mut links = vec![Counted::downgrade(&head)];
        while let Some(below) = head.below.first().map(Counted::downgrade) {
            links.push(below.clone());
            let Some(next) = below.upgrade() else { break };
            if next.below.is_empty() {
                break;
            }
            if links.len() == 2 {
                send.send((head, below)).unwrap();
            }
            head = next;
        }
        drop(head);
        weak.push(links);
        let old = random.below(weak.len() as u64) as usize;
        for link in weak.swap_remove(old) {
            let Some(mut link) = link.upgrade() else { continue };
            match random.below(4) {
                0 => drop(Counted::try_unwrap(link)),
                1 => {
                    if let Some(node) = Counted::get_mut(&mut link) {
                        node.below.clear();
                    }
                }
                2 => assert!(Counted::strong_count(&link) >= 1),
                _ => drop(link.clone()),
            }
        }
        match random.below(3) {
            0 => m.safepoint(),
            1 => m.blocked(thread::yield_now),
            _ => {}
        }
    }
    drop((send, weak));
    m.blocked(|| dropping.join().unwrap());
    safepoints(&mut m, &heap, &ledger);
}
