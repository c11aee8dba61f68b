//! What other collectors test of ephemerons, weak references and finalizers: OCaml (`ephetest`, `ephetest2`, `weaklifetime`, `finaliser`),
//! rust-gc and boa's collector. Written from what each of them checks.

use gc_core::{Collect, Ephemeron, FinalizationQueue, Gc, GcCell, Heap, Mutator, Root, Slot, Trace, Weak};
use gc_tests::{
    heaps::{self, settle},
    ledger::{Ledger, Token},
    random::Random,
    sizes::scaled,
};

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    token: Option<Token>,
    next: Slot<'gc, Node<'gc>>,
    pair: GcCell<Option<Pair<'gc>>>,
}

type Pair<'gc> = Ephemeron<'gc, Node<'gc>, Node<'gc>>;
type NodeRoot = Root<Gc<'static, Node<'static>>>;

fn node(m: &Mutator, number: u64) -> Gc<'_, Node<'_>> {
    counted(m, number, None)
}

fn counted(m: &Mutator, number: u64, token: Option<Token>) -> Gc<'_, Node<'_>> {
    m.alloc(Node { number, token, next: Slot::null(), pair: GcCell::default() })
}

fn each(test: impl Fn(&Heap, &mut Mutator)) {
    for profile in ["verify", "verify,promote-always", "verify,promote-never", "verify,compact-always,slow-marker=1"] {
        let heap = heaps::under(profile).auto(false).build().unwrap();
        test(&heap, &mut heap.attach().unwrap());
    }
}

/// Looks for everything that is dead.
fn collect(heap: &Heap, m: &mut Mutator) {
    m.collect(Collect::Full);
    settle(heap);
}

/// A pair of two objects, of which the roots may go.
fn pair(m: &Mutator, key: u64, value: u64) -> (NodeRoot, NodeRoot, Root<Pair<'static>>) {
    let (key, value) = (node(m, key), node(m, value));
    (m.root(key), m.root(value), m.root(Ephemeron::new(m, key, value)))
}

fn found(m: &Mutator, pair: &Root<Pair<'static>>) -> Option<(u64, u64)> {
    pair.get(m).get(m).map(|(key, value)| (key.number, value.number))
}

// OCaml: ephetest.

#[test]
fn ocaml_key_alive_data_dangling() {
    each(|heap, m| {
        let (key, value, pair) = pair(m, 1, 2);
        drop(value);
        collect(heap, m);
        // Nothing else holds the data: the key does.
        assert_eq!((found(m, &pair), key.get(m).number), (Some((1, 2)), 1));
    });
}

#[test]
fn ocaml_key_dangling_data_dangling_or_alive() {
    each(|heap, m| {
        for keep in [false, true] {
            let (key, value, pair) = pair(m, 1, 2);
            let value = keep.then_some(value);
            drop(key);
            collect(heap, m);
            assert_eq!(found(m, &pair), None);
            assert!(value.is_none_or(|value| value.get(m).number == 2));
        }
    });
}

#[test]
fn ocaml_data_refers_to_key() {
    each(|heap, m| {
        let (key, value, pair) = pair(m, 1, 2);
        value.get(m).next.set(m, Some(key.get(m)));
        drop(value);
        collect(heap, m);
        assert_eq!(found(m, &pair), Some((1, 2)));
        drop(key);
        collect(heap, m);
        assert_eq!(found(m, &pair), None);
    });
}

/// A key of a second one that only the first one's data leads to.
#[test]
fn ocaml_key_in_data_of_another() {
    each(|heap, m| {
        let (key, value, first) = pair(m, 1, 2);
        let second = m.root(Ephemeron::new(m, value.get(m), node(m, 3)));
        drop(value);
        collect(heap, m);
        assert_eq!((found(m, &first), found(m, &second)), (Some((1, 2)), Some((2, 3))));
        drop(key);
        collect(heap, m);
        assert_eq!((found(m, &first), found(m, &second)), (None, None));
    });
}

/// An ephemeron of several keys is ephemerons in a row: the data lives while all of them do.
#[test]
fn ocaml_all_keys_must_be_alive() {
    each(|heap, m| {
        for dies in 0..2 {
            let keys = [1, 2].map(|number| m.root(node(m, number)));
            let inner = node(m, 0);
            *inner.pair.borrow_mut(m) = Some(Ephemeron::new(m, keys[1].get(m), node(m, 3)));
            let outer = m.root(Ephemeron::new(m, keys[0].get(m), inner));
            let data = |m: &Mutator| {
                let inner = outer.get(m).value(m)?;
                let pair = (*inner.pair.borrow(m))?;
                Some(pair.value(m)?.number)
            };
            collect(heap, m);
            assert_eq!(data(m), Some(3));
            let kept = keys[1 - dies].clone_in(m);
            drop(keys);
            collect(heap, m);
            assert_eq!((data(m), kept.get(m).number), (None, 2 - dies as u64));
        }
    });
}

/// Each is the key of the next one's data, and the last of the first.
#[test]
fn ocaml_ring_of_ephemerons() {
    each(|heap, m| {
        let keys: Vec<NodeRoot> = (0..10).map(|number| m.root(node(m, number))).collect();
        let ring: Vec<_> =
            (0..10).map(|n| m.root(Ephemeron::new(m, keys[n].get(m), keys[(n + 1) % 10].get(m)))).collect();
        let kept = keys[7].clone_in(m);
        drop(keys);
        collect(heap, m);
        assert!(ring.iter().all(|pair| found(m, pair).is_some()));
        drop(kept);
        collect(heap, m);
        assert!(ring.iter().all(|pair| found(m, pair).is_none()));
    });
}

/// Keys that are old and young, and made so on the way.
#[test]
fn ocaml_key_in_the_minor_and_the_major_heap() {
    each(|heap, m| {
        for old in [false, true] {
            let key = m.root(node(m, 1));
            if old {
                m.collect(Collect::Promote);
            }
            let pair = m.root(Ephemeron::new(m, key.get(m), node(m, 2)));
            for _ in 0..3 {
                m.collect(Collect::Young);
                assert_eq!(found(m, &pair), Some((1, 2)));
            }
            drop(key);
            collect(heap, m);
            assert_eq!(found(m, &pair), None);
        }
    });
}

/// OCaml's `ephetest2`: data that are functions of a key, found again while the key lives.
#[test]
fn ocaml_memo() {
    each(|heap, m| {
        let mut random = Random::new(7);
        let mut keys: Vec<NodeRoot> = Vec::new();
        let mut memo: Vec<Root<Pair<'static>>> = Vec::new();
        for number in 0..scaled(300) {
            let key = node(m, number);
            memo.push(m.root(Ephemeron::new(m, key, node(m, number * number))));
            keys.push(m.root(key));
            if random.below(2) == 0 {
                keys.swap_remove(random.below(keys.len() as u64) as usize);
            }
            if random.below(16) == 0 {
                m.collect(if random.below(2) == 0 { Collect::Young } else { Collect::Promote });
            }
            for key in &keys {
                let number = key.get(m).number;
                assert_eq!(found(m, &memo[number as usize]), Some((number, number * number)));
            }
        }
        collect(heap, m);
        assert_eq!(memo.iter().filter(|pair| found(m, pair).is_some()).count(), keys.len());
    });
}

/// OCaml's `weaklifetime`: what a weak array gives is whole, and what something else holds is there.
#[test]
fn ocaml_weak_lifetime() {
    each(|_, m| {
        let mut random = Random::new(3);
        let mut weaks: Vec<Root<Weak<'static, Node<'static>>>> =
            (0..50).map(|_| m.root(Weak::<Node<'_>>::dangling())).collect();
        let mut strong: Vec<Root<Option<Gc<'static, Node<'static>>>>> =
            (0..50).map(|_| m.root(None::<Gc<'_, Node<'_>>>)).collect();
        for _ in 0..scaled(2000) {
            let at = random.below(50) as usize;
            match random.below(4) {
                0 => {
                    let new = node(m, at as u64);
                    weaks[at].set(m, Gc::downgrade(new, m));
                    strong[at].set(m, Some(new));
                }
                1 => strong[at].set(m, None),
                2 => {
                    let found = weaks[at].get(m).upgrade(m);
                    assert!(found.is_some() || strong[at].get(m).is_none());
                    assert!(found.is_none_or(|found| found.number == at as u64));
                }
                _ => _ = random.below(20) == 0 && m.collect(Collect::Promote).collected >= Collect::Promote,
            }
        }
    });
}

/// OCaml's `finaliser`: every one of many is finalized, each once, whatever they hold of each other.
#[test]
fn ocaml_finalisers_run_once_each() {
    each(|heap, m| {
        let queue = FinalizationQueue::<Node<'static>>::new(heap);
        let mut seen = vec![0; 200];
        let mut last = None;
        for number in 0..200 {
            let new = node(m, number);
            new.next.set(m, last.map(|last: NodeRoot| last.get(m)));
            queue.register(m, new);
            last = (number % 10 != 9).then(|| m.root(new));
            if number % 50 == 49 {
                m.collect(Collect::Young);
            }
        }
        drop(last);
        // What was alive because something of another age held it that was to be finalized comes later.
        for _ in 0..10 {
            m.collect(Collect::Full);
            while let Some(object) = queue.poll(m) {
                seen[object.number as usize] += 1;
            }
        }
        assert_eq!(seen, [1; 200]);
    });
}

// rust-gc.

/// A finalizer runs before the destructor, and both once.
#[test]
fn rust_gc_finalize_then_drop() {
    each(|heap, m| {
        let (queue, ledger) = (FinalizationQueue::<Node<'static>>::new(heap), Ledger::default());
        let object = m.root(counted(m, 1, Some(ledger.token())));
        queue.register(m, object.get(m));
        collect(heap, m);
        assert!(queue.is_empty() && ledger.dropped() == 0);
        drop(object);
        collect(heap, m);
        assert!(queue.poll(m).is_some_and(|object| object.token.is_some()) && ledger.dropped() == 0);
        collect(heap, m);
        ledger.assert_all_once();
        assert!(queue.is_empty());
    });
}

#[test]
fn rust_gc_weak_of_a_cycle() {
    each(|heap, m| {
        let (one, other) = (m.root(node(m, 1)), m.root(node(m, 2)));
        one.get(m).next.set(m, Some(other.get(m)));
        other.get(m).next.set(m, Some(one.get(m)));
        let weaks = m.root([one.get(m), other.get(m)].map(|node| Gc::downgrade(node, m)));
        drop(one);
        collect(heap, m);
        assert!(weaks.borrow(m).iter().all(|weak| weak.upgrade(m).is_some()));
        drop(other);
        collect(heap, m);
        assert!(weaks.borrow(m).iter().all(|weak| weak.upgrade(m).is_none()));
    });
}

// boa.

#[test]
fn boa_weak_gc() {
    each(|heap, m| {
        let strong = m.root(node(m, 1));
        let copies = [strong.clone_in(m), strong.clone_in(m)];
        let weak = m.root(Gc::downgrade(strong.get(m), m));
        drop(strong);
        collect(heap, m);
        assert_eq!(weak.get(m).upgrade(m).map(|node| node.number), Some(1));
        // What is upgraded keeps it.
        let upgraded = m.root(weak.get(m).upgrade(m).unwrap());
        drop(copies);
        collect(heap, m);
        assert!(!weak.get(m).is_dead(m));
        drop(upgraded);
        collect(heap, m);
        assert!(weak.get(m).is_dead(m));
    });
}

/// A key that dies takes the value along, however many ephemerons hold that, unless one of them has another key.
#[test]
fn boa_ephemerons_of_one_value() {
    each(|heap, m| {
        let ledger = Ledger::default();
        let value = m.root(counted(m, 0, Some(ledger.token())));
        let keys = [1, 2].map(|number| m.root(node(m, number)));
        let pairs: Vec<_> = (0..6).map(|n| m.root(Ephemeron::new(m, keys[n % 2].get(m), value.get(m)))).collect();
        drop(value);
        let [first, second] = keys;
        drop(first);
        collect(heap, m);
        let values: Vec<_> = pairs.iter().map(|pair| found(m, pair)).collect();
        assert_eq!(values, [None, Some((2, 0))].repeat(3));
        assert_eq!(ledger.dropped(), 0);
        drop(second);
        collect(heap, m);
        ledger.assert_all_once();
    });
}

/// Three in a row, each one's value holding the next ephemeron and its key.
#[test]
fn boa_allocation_chains() {
    each(|heap, m| {
        let first = m.root(node(m, 0));
        let mut at = first.get(m);
        for number in 1..4 {
            let value = node(m, number);
            *at.pair.borrow_mut(m) = Some(Ephemeron::new(m, at, value));
            at = value;
        }
        let last = m.root(Gc::downgrade(at, m));
        collect(heap, m);
        assert_eq!(last.get(m).upgrade(m).map(|node| node.number), Some(3));
        drop(first);
        collect(heap, m);
        assert!(last.get(m).is_dead(m));
    });
}

/// A key that holds its own ephemeron, whose value leads back, and a ring of these.
#[test]
fn boa_self_referential_ephemerons() {
    each(|heap, m| {
        for len in [1, 2, 5] {
            let ledger = Ledger::default();
            let keys: Vec<NodeRoot> = (0..len).map(|n| m.root(counted(m, n, Some(ledger.token())))).collect();
            for (n, key) in keys.iter().enumerate() {
                let value = counted(m, 100, Some(ledger.token()));
                value.next.set(m, Some(keys[(n + 1) % keys.len()].get(m)));
                *key.get(m).pair.borrow_mut(m) = Some(Ephemeron::new(m, key.get(m), value));
            }
            let kept = keys[0].clone_in(m);
            drop(keys);
            collect(heap, m);
            assert_eq!((ledger.dropped(), kept.get(m).number), (0, 0));
            drop(kept);
            collect(heap, m);
            ledger.assert_all_once();
        }
    });
}

/// Keys and values that are to be finalized: each comes out once, after the ephemeron was cleared.
#[test]
fn boa_finalizers_of_keys_and_values() {
    each(|heap, m| {
        let queue = FinalizationQueue::<Node<'static>>::new(heap);
        let (key, value, pair) = pair(m, 1, 2);
        queue.register(m, key.get(m));
        queue.register(m, value.get(m));
        collect(heap, m);
        drop(value);
        collect(heap, m);
        assert!(queue.is_empty() && found(m, &pair) == Some((1, 2)));
        drop(key);
        collect(heap, m);
        assert_eq!(found(m, &pair), None);
        let mut numbers = [queue.poll(m).unwrap().number, queue.poll(m).unwrap().number];
        numbers.sort_unstable();
        assert_eq!((numbers, queue.len()), ([1, 2], 0));
        collect(heap, m);
        assert!(queue.is_empty());
    });
}
