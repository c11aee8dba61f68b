//! Chains that another thread drops while their owners run: they go in a bounded number of safepoints, however long they are and whoever
//! owns their links.

use std::{
    sync::mpsc,
    thread::{self, JoinHandle},
};

use gc_core::{Collect, Counted, CountedWeak, Heap, Mutator, Trace};
use gc_tests::{
    heaps::{calm, settle, wait_until},
    ledger::Ledger,
    random::Random,
    sizes::scaled,
};

use crate::chain::{MOST, Node, chain, drop_elsewhere, extend, safepoints};

#[test]
fn a_chain_goes_in_a_few_safepoints() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    for links in [1, 2, 8, 9, 10, 100, 10_000] {
        let ledger = Ledger::default();
        drop_elsewhere(chain(&ledger, links));
        assert_eq!((ledger.dropped(), heap.stats().counted_waiting), (0, 1));
        let passed = safepoints(&mut m, &heap, &ledger);
        assert_eq!(passed, links.min(MOST), "{links} links");
    }
}

/// By entering `blocked`, by collecting, or by ending.
#[test]
fn what_counts_as_a_safepoint_does() {
    let passes: [fn(&Heap, Mutator) -> Mutator; 4] = [
        |_, mut m| {
            m.blocked(|| ());
            m
        },
        |_, mut m| {
            m.collect(Collect::Young);
            m
        },
        |heap, m| {
            drop(m);
            heap.attach().unwrap()
        },
        |_, m| m.park().enter().unwrap(),
    ];
    for pass in passes {
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        let ledger = Ledger::default();
        let kept = Counted::new(ledger.token());
        drop_elsewhere(chain(&ledger, 1000));
        let mut passed = 0;
        while ledger.dropped() + 1 < ledger.made() {
            m = pass(&heap, m);
            settle(&heap);
            passed += 1;
            assert!(passed <= MOST);
        }
        let same = kept.clone();
        drop((kept, same));
        ledger.assert_all_once();
    }
}

#[test]
fn a_tree_does() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let mut level: Vec<_> = (0..1 << 12).map(|_| chain(&ledger, 1)).collect();
    while level.len() > 1 {
        let mut nodes = level.into_iter();
        level = std::iter::from_fn(|| Some(vec![nodes.next()?, nodes.next()?]))
            .map(|below| Counted::new(Node::new(&ledger, below)))
            .collect();
    }
    drop_elsewhere(level);
    assert_eq!(safepoints(&mut m, &heap, &ledger), MOST);
}

/// Nodes with several references, and of any depth.
#[test]
fn any_graph_does() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    for seed in 0..scaled(40) {
        let mut random = Random::new(seed);
        let ledger = Ledger::default();
        let mut nodes = vec![chain(&ledger, 1)];
        for count in 1..2000 {
            // Mostly deep.
            let near = 1 + random.below(8);
            let below = (0..=random.below(3))
                .map(|_| nodes[(count - 1_usize).saturating_sub(random.below(near) as usize)].clone())
                .collect();
            nodes.push(Counted::new(Node::new(&ledger, below)));
        }
        let head = nodes.pop();
        drop(nodes);
        drop_elsewhere(head);
        assert!(safepoints(&mut m, &heap, &ledger) <= MOST, "seed {seed}");
    }
}

type Command = Box<dyn FnOnce(&mut Mutator) + Send>;

/// Another thread, which runs a mutator, and passes its safepoints on command.
struct Owner {
    send: mpsc::Sender<Command>,
    thread: JoinHandle<()>,
}

impl Owner {
    /// Blocked until the first command, so that others may attach; and running from then on.
    fn new(heap: &Heap) -> Self {
        let (send, receive) = mpsc::channel::<Command>();
        let (attached, is_attached) = mpsc::channel();
        let heap = heap.clone();
        let thread = thread::spawn(move || {
            let mut m = heap.attach().unwrap();
            attached.send(()).unwrap();
            let first = m.blocked(|| receive.recv());
            for command in first.into_iter().chain(receive.iter()) {
                command(&mut m);
            }
        });
        is_attached.recv().unwrap();
        Self { send, thread }
    }

    /// Runs it there, to the end.
    fn run<T: Send + 'static>(&self, command: impl FnOnce(&mut Mutator) -> T + Send + 'static) -> T {
        let (send, receive) = mpsc::channel();
        self.send.send(Box::new(move |m| send.send(command(m)).unwrap())).unwrap();
        receive.recv().unwrap()
    }

    fn end(self) {
        drop(self.send);
        self.thread.join().unwrap();
    }
}

/// The owners take turns at making links, and at safepoints. They have one heap or two.
#[test]
fn a_chain_of_several_owners_takes_one_safepoint_more_for_each() {
    for owners in 2..=4 {
        for two_heaps in [false, true] {
            let heaps = [calm().build().unwrap(), calm().build().unwrap()];
            let of = |number: usize| &heaps[if two_heaps { number % 2 } else { 0 }];
            let runs: Vec<_> = (0..owners).map(|number| Owner::new(of(number))).collect();
            let ledger = Ledger::default();
            let mut head = None;
            for link in 0..1000 {
                let (below, ledger) = (head.take(), ledger.clone());
                head = runs[link % owners].run(move |_| extend(&ledger, below, 1));
            }
            drop_elsewhere(head);
            let mut passed = 0;
            while ledger.dropped() < ledger.made() {
                for owner in &runs {
                    if owner.run(|m| m.safepoint_pending()) {
                        owner.run(|m| m.safepoint());
                        heaps.iter().for_each(settle);
                        passed += 1;
                    }
                }
                assert!(passed < MOST + owners, "{passed} safepoints of {owners} owners");
            }
            ledger.assert_all_once();
            runs.into_iter().for_each(Owner::end);
        }
    }
}

/// An owner drops a chain in which its own links and another one's take turns.
#[test]
fn a_chain_does_that_one_of_its_owners_drops() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let other = m.blocked(|| Owner::new(&heap));
    let ledger = Ledger::default();
    let mut head = None;
    for _ in 0..1000 {
        let (below, there) = (extend(&ledger, head.take(), 1), ledger.clone());
        head = other.run(move |_| extend(&there, below, 1));
    }
    drop(head);
    let mut passed = 0;
    while ledger.dropped() < ledger.made() {
        other.run(|m| m.safepoint());
        settle(&heap);
        m.safepoint();
        settle(&heap);
        passed += 1;
        assert!(passed <= MOST);
    }
    ledger.assert_all_once();
    other.end();
}

/// The rest of a chain whose middle is kept goes later, in as few safepoints.
#[test]
fn a_chain_does_that_is_kept_in_the_middle() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    for elsewhere in [false, true] {
        let ledger = Ledger::default();
        let middle = chain(&ledger, 500);
        let weak = Counted::downgrade(&middle);
        drop_elsewhere(extend(&ledger, Some(middle.clone()), 500));
        for _ in 0..MOST {
            m.safepoint();
            settle(&heap);
        }
        assert_eq!((ledger.dropped(), Counted::strong_count(&middle)), (500, 1));
        let again = weak.upgrade().unwrap();
        assert_eq!(Counted::strong_count(&again), 2);
        if elsewhere {
            drop_elsewhere((middle, again));
        } else {
            drop((middle, again));
        }
        assert!(safepoints(&mut m, &heap, &ledger) <= MOST);
        assert!(weak.upgrade().is_none());
    }
}

/// What a mutator made before a chain went is counted right afterwards, wherever and however it is used.
#[test]
fn what_the_owner_made_before_is_as_it_was() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let make = || Counted::new(Node::new(&ledger, Vec::new()));
    let (one, shared, mut written, taken, weakly, asked) = (make(), make(), make(), make(), make(), make());
    let clones = [one.clone(), one.clone()];
    let there = shared.clone();
    let (weak, other): (CountedWeak<Node>, _) = (Counted::downgrade(&weakly), Counted::downgrade(&taken));
    drop_elsewhere(asked.clone());
    let chains = Ledger::default();
    drop_elsewhere(chain(&chains, 100));
    assert_eq!(safepoints(&mut m, &heap, &chains), MOST);
    assert_eq!((Counted::strong_count(&one), Counted::strong_count(&shared)), (3, 2));
    drop(one);
    drop(clones);
    assert_eq!(ledger.dropped(), 1);
    drop_elsewhere(there);
    assert_eq!(Counted::strong_count(&shared), 1);
    drop(shared);
    assert_eq!(ledger.dropped(), 2);
    Counted::get_mut(&mut written).unwrap().panics = false;
    drop(written);
    drop(Counted::try_unwrap(taken).ok().unwrap());
    assert!(other.upgrade().is_none());
    let again = weak.upgrade().unwrap();
    drop(weakly);
    assert_eq!(Counted::strong_count(&again), 1);
    drop(again);
    assert!(weak.upgrade().is_none());
    drop(Counted::try_unwrap(asked).ok().unwrap());
    ledger.assert_all_once();
    assert!(!m.safepoint_pending(), "nobody has to be asked");
}

/// Owners come and go, block and pass safepoints, while others drop chains of theirs.
#[test]
fn chains_go_among_owners_that_end() {
    let heap = calm().build().unwrap();
    let ledger = Ledger::default();
    let (send, receive) = mpsc::channel::<Counted<Node>>();
    let dropping = thread::spawn(move || receive.iter().for_each(drop));
    let owners: Vec<_> = (0..2)
        .map(|number| {
            let (heap, ledger, send) = (heap.clone(), ledger.clone(), send.clone());
            thread::spawn(move || {
                let mut random = Random::new(number);
                for _ in 0..scaled(100) {
                    let mut m = heap.attach().unwrap();
                    for _ in 0..10 {
                        let head = chain(&ledger, 1 + random.below(30) as usize);
                        let mine = head.below.first().cloned();
                        send.send(head).unwrap();
                        match random.below(4) {
                            0 => m.safepoint(),
                            1 => m.blocked(thread::yield_now),
                            2 => m = m.park().enter().unwrap(),
                            _ => {}
                        }
                        drop(mine);
                    }
                }
            })
        })
        .collect();
    owners.into_iter().for_each(|owner| owner.join().unwrap());
    drop(send);
    dropping.join().unwrap();
    wait_until("everything is dropped", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
}

/// A chain of a million links takes neither a deep stack nor much time.
#[test]
fn a_long_chain_takes_no_deep_stack() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Link(#[allow(dead_code, reason = "it is dropped")] Option<Counted<Link>>);
    let last = Counted::new(Link(None));
    let weak = Counted::downgrade(&last);
    let head = (0..scaled(1_000_000)).fold(last, |below, _| Counted::new(Link(Some(below))));
    drop_elsewhere(head);
    for _ in 0..MOST {
        m.safepoint();
        settle(&heap);
    }
    assert!(weak.upgrade().is_none());
}
