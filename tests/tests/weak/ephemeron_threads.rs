//! Ephemerons that several threads make, read, keep and lose while the heap is collected.

use std::thread;

use gc_core::{Collect, Ephemeron, Gc, GcCell, Heap, Mutator, Root, Slot, Trace};
use gc_tests::{
    heaps::{settle, under},
    ledger::{Ledger, Token},
    random::{Random, mix},
    sizes::scaled,
};

#[derive(Trace)]
struct Thing<'gc> {
    number: u64,
    check: u64,
    _token: Option<Token>,
    back: Slot<'gc, Thing<'gc>>,
}

type Pair<'gc> = Ephemeron<'gc, Thing<'gc>, Thing<'gc>>;
type Board = Root<Gc<'static, [GcCell<Option<Pair<'static>>>]>>;

const PLACES: u64 = 64;

/// A key and a value that leads back to it.
fn pair<'gc>(m: &'gc Mutator, number: u64, ledger: &Ledger) -> (Gc<'gc, Thing<'gc>>, Pair<'gc>) {
    let thing = |number, token| m.alloc(Thing { number, check: mix(number), _token: token, back: Slot::null() });
    let (key, value) = (thing(number, Some(ledger.token())), thing(number + 1, Some(ledger.token())));
    value.back.set(m, Some(key));
    (key, Ephemeron::new(m, key, value))
}

/// Checks what is there, and returns the key.
fn check<'gc>(m: &'gc Mutator, pair: Pair<'gc>) -> Option<Gc<'gc, Thing<'gc>>> {
    let (key, value) = pair.get(m)?;
    assert!(key.check == mix(key.number) && value.check == mix(value.number), "a live object was freed or moved");
    assert_eq!(key.number + 1, value.number);
    assert!(value.back.get().is_some_and(|back| Gc::ptr_eq(back, key)));
    Some(key)
}

fn work(heap: &Heap, board: &Board, seed: u64, rounds: u64, ledger: &Ledger) {
    let mut m = heap.attach().unwrap();
    let mut random = Random::new(seed);
    let mut kept: Vec<(Root<Gc<'static, Thing<'static>>>, Root<Pair<'static>>)> = Vec::new();
    for round in 0..rounds {
        let place = random.below(PLACES) as usize;
        match random.below(8) {
            0..3 => {
                let (key, pair) = pair(&m, seed << 32 | round << 1, ledger);
                *board.get(&m)[place].borrow_mut(&m) = Some(pair);
                if random.below(2) == 0 {
                    kept.push((m.root(key), m.root(pair)));
                }
            }
            3..5 => {
                let found = *board.get(&m)[place].borrow(&m);
                if let Some(key) = found.and_then(|pair| check(&m, pair)) {
                    // What was read is alive, so it may be kept.
                    kept.push((m.root(key), m.root(found.unwrap())));
                }
            }
            5 if !kept.is_empty() => drop(kept.swap_remove(random.below(kept.len() as u64) as usize)),
            6 => {
                let places = board.get(&m);
                let dead = places.iter().filter(|place| place.borrow(&m).is_some_and(|pair| pair.is_dead(&m)));
                assert!(dead.count() <= PLACES as usize);
            }
            _ => {
                for (key, pair) in &kept {
                    let found = check(&m, pair.get(&m)).expect("the key is alive");
                    assert!(Gc::ptr_eq(found, key.get(&m)));
                }
                kept.truncate(32);
            }
        }
        m.safepoint();
    }
}

fn run(profile: &str, seed: u64) {
    let heap = under(profile).chunk_bytes(64 << 10).nursery_bytes(256 << 10).build().unwrap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let board: Board = m.root(m.alloc_slice_with(PLACES as usize, |_| GcCell::new(None::<Pair>)));
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let (heap, board, ledger) = (heap.clone(), board.clone_in(&m), ledger.clone());
            thread::spawn(move || work(&heap, &board, seed * 4 + number + 1, scaled(2000), &ledger))
        })
        .collect();
    let ended: Vec<_> = m.blocked(|| threads.into_iter().map(thread::JoinHandle::join).collect());
    ended.into_iter().for_each(|result| result.unwrap());
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    settle(&heap);
    assert!(board.get(&m).iter().all(|place| place.borrow(&m).is_none_or(|pair| pair.is_dead(&m))));
    ledger.assert_all_once();
}

#[test]
fn threads_read_what_is_alive_and_nothing_else() {
    run("", 1);
    run("verify,every-safepoint=50,full-every=3", 2);
    run("verify,every-safepoint=40,full-every=2,slow-marker=1,compact-always", 3);
    run("verify,every-safepoint=40,full-every=2,slow-marker=2,workers=3,promote-random", 4);
    run("verify,every-safepoint=60,promote-never,to-space-full=3,workers=2", 5);
}
