//! Ephemerons: a value lives only while its key and the ephemeron do. Each under settings that promote, copy, mark and move in different ways.

use std::sync::Arc;

use gc_core::{Collect, Ephemeron, Event, Gc, GcCell, Heap, Level, Mutator, Root, Slot, Step, Trace};
use gc_tests::{
    heaps::{self, settle, under},
    ledger::{Ledger, Token},
    random::mix,
    sizes::is_full,
};
use parking_lot::Mutex;

/// How survivors are treated, who copies, how marking goes, and whether old objects move.
const PROFILES: [&str; 9] = [
    "verify",
    "verify,promote-always",
    "verify,promote-never",
    "verify,promote-random,to-space-full=3,seed=5",
    "verify,workers=3",
    "verify,workers=2,promote-random,seed=9",
    "verify,compact-always,slow-marker=2",
    "verify,compact-always,workers=3,slow-marker=1",
    "verify,compact-random,stopped",
];

/// Runs a test under each profile.
fn each(test: impl Fn(&Heap, &mut Mutator)) {
    for profile in PROFILES {
        let heap = under(profile).auto(false).build().unwrap();
        test(&heap, &mut heap.attach().unwrap());
    }
}

/// Something that may be a key or a value, and notices damage.
#[derive(Trace)]
struct Thing<'gc> {
    number: u64,
    check: u64,
    token: Option<Token>,
    next: Slot<'gc, Thing<'gc>>,
    pair: GcCell<Option<Pair<'gc>>>,
}

type Pair<'gc> = Ephemeron<'gc, Thing<'gc>, Thing<'gc>>;
type PairRoot = Root<Pair<'static>>;
type ThingRoot = Root<Gc<'static, Thing<'static>>>;

impl Thing<'_> {
    #[track_caller]
    fn number(&self) -> u64 {
        assert_eq!(self.check, mix(self.number), "an object was freed, or moved and not followed");
        self.number
    }
}

fn thing(m: &Mutator, number: u64, token: Option<Token>) -> Gc<'_, Thing<'_>> {
    m.alloc(Thing { number, check: mix(number), token, next: Slot::null(), pair: GcCell::new(None) })
}

fn plain(m: &Mutator, number: u64) -> Gc<'_, Thing<'_>> {
    thing(m, number, None)
}

/// The key's and the value's number.
#[track_caller]
fn numbers(m: &Mutator, pair: &PairRoot) -> Option<(u64, u64)> {
    let pair = pair.get(m);
    let numbers = pair.get(m).map(|(key, value)| (key.number(), value.number()));
    assert_eq!(pair.key(m).map(|key| key.number()), numbers.map(|(key, _)| key));
    assert_eq!(pair.value(m).map(|value| value.number()), numbers.map(|(_, value)| value));
    assert_eq!(pair.is_dead(m), numbers.is_none());
    numbers
}

/// Everything that is dead is found.
fn collect(heap: &Heap, m: &mut Mutator) {
    m.collect(Collect::Full);
    settle(heap);
}

#[test]
fn the_value_lives_while_its_key_and_the_ephemeron_do() {
    each(|heap, m| {
        for generation in [Collect::Young, Collect::Promote, Collect::Full] {
            let ledger = Ledger::default();
            let key = m.root(plain(m, 1));
            let pair = m.root(Ephemeron::new(m, key.get(m), thing(m, 2, Some(ledger.token()))));
            for _ in 0..3 {
                m.collect(generation);
                assert_eq!(numbers(m, &pair), Some((1, 2)));
            }
            drop(key);
            collect(heap, m);
            assert_eq!(numbers(m, &pair), None);
            ledger.assert_all_once();
        }
    });
}

#[test]
fn the_value_dies_with_the_ephemeron_though_its_key_lives() {
    each(|heap, m| {
        let ledger = Ledger::default();
        let key = m.root(plain(m, 1));
        let pair = m.root(Ephemeron::new(m, key.get(m), thing(m, 2, Some(ledger.token()))));
        m.collect(Collect::Full);
        drop(pair);
        collect(heap, m);
        assert_eq!(key.get(m).number(), 1);
        ledger.assert_all_once();
    });
}

/// What a young pause finds dead it clears at once.
#[test]
fn a_young_key_is_found_dead_by_the_next_collection() {
    for profile in ["verify", "verify,promote-always", "verify,promote-never", "verify,workers=3"] {
        let heap = under(profile).auto(false).build().unwrap();
        let mut m = heap.attach().unwrap();
        let pair = m.root(Ephemeron::new(&m, plain(&m, 1), plain(&m, 2)));
        m.collect(Collect::Young);
        assert_eq!(numbers(&m, &pair), None, "{profile}");
        assert_eq!(heap.stats().ephemerons_cleared, 1);
    }
}

#[test]
fn an_old_key_is_found_dead_by_a_major_cycle_and_not_before() {
    each(|heap, m| {
        let key = m.root(plain(m, 1));
        let pair = m.root(Ephemeron::new(m, key.get(m), plain(m, 2)));
        m.collect(Collect::Promote);
        drop(key);
        m.collect(Collect::Promote);
        m.collect(Collect::Young);
        assert_eq!(numbers(m, &pair), Some((1, 2)));
        collect(heap, m);
        assert_eq!(numbers(m, &pair), None);
    });
}

/// When marking is complete, the keys that are waited for are the dead ones.
#[test]
fn the_keys_that_are_waited_for_are_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = told.clone();
    let heap = heaps::calm().auto(false).on_event(Level::Debug, move |event| {
        if let Event::Pause { step, waiting, .. } = event {
            hook.lock().push((*step, *waiting));
        }
    });
    let heap = heap.build().unwrap();
    let mut m = heap.attach().unwrap();
    let live = m.root(plain(&m, 1));
    let dying = m.root(m.alloc_slice_with(100, |_| plain(&m, 2)));
    // Two wait for each key that dies.
    let keys: Vec<_> = dying.get(&m).iter().flat_map(|key| [*key, *key, live.get(&m)]).collect();
    let pairs = m.root(m.alloc_slice_with(keys.len(), |n| Ephemeron::new(&m, keys[n], plain(&m, 3))));
    m.collect(Collect::Promote);
    drop(dying);
    m.collect(Collect::Full);
    let pauses = || told.lock().iter().filter(|(step, _)| *step != Step::Whole).copied().collect::<Vec<_>>();
    heaps::wait_until("the pauses are told", || pauses().len() == 3);
    // Each is told by the thread that led it, in no order.
    for (step, waiting) in [(Step::Begin, 0), (Step::Clear, 100), (Step::Finish, 0)] {
        assert!(pauses().contains(&(step, waiting)), "{:?}", pauses());
    }
    assert_eq!(heap.stats().keys_waited_for, 0);
    assert_eq!(pairs.get(&m).iter().filter(|pair| pair.is_dead(&m)).count(), 200);
}

#[test]
fn a_key_that_only_its_own_value_reaches_is_dead() {
    each(|heap, m| {
        for generation in [Collect::Young, Collect::Promote] {
            let ledger = Ledger::default();
            let value = m.root(thing(m, 2, Some(ledger.token())));
            let key = m.root(thing(m, 1, Some(ledger.token())));
            value.get(m).next.set(m, Some(key.get(m)));
            let pair = m.root(Ephemeron::new(m, key.get(m), value.get(m)));
            m.collect(generation);
            drop((key, value));
            collect(heap, m);
            assert_eq!(numbers(m, &pair), None);
            ledger.assert_all_once();
        }
    });
}

#[test]
fn a_key_may_be_its_own_value() {
    each(|heap, m| {
        let key = m.root(plain(m, 1));
        let pair = m.root(Ephemeron::new(m, key.get(m), key.get(m)));
        m.collect(Collect::Promote);
        assert_eq!(numbers(m, &pair), Some((1, 1)));
        drop(key);
        collect(heap, m);
        assert_eq!(numbers(m, &pair), None);
    });
}

#[test]
fn a_key_that_only_another_ephemerons_value_reaches_lives_with_that() {
    each(|heap, m| {
        // In both orders, the first one's root is visited first, or last.
        for turned in [false, true] {
            let first = m.root(plain(m, 1));
            let second = m.root(plain(m, 2));
            let make = |m: &mut Mutator, key: &ThingRoot, value: u64, to: Option<&ThingRoot>| {
                let value = plain(m, value);
                value.next.set(m, to.map(|to| to.get(m)));
                m.root(Ephemeron::new(m, key.get(m), value))
            };
            let (of_first, of_second);
            if turned {
                of_second = make(m, &second, 20, None);
                of_first = make(m, &first, 10, Some(&second));
            } else {
                of_first = make(m, &first, 10, Some(&second));
                of_second = make(m, &second, 20, None);
            }
            drop(second);
            for generation in [Collect::Young, Collect::Promote, Collect::Full] {
                m.collect(generation);
                assert_eq!((numbers(m, &of_first), numbers(m, &of_second)), (Some((1, 10)), Some((2, 20))));
            }
            drop(first);
            collect(heap, m);
            assert_eq!((numbers(m, &of_first), numbers(m, &of_second)), (None, None));
        }
    });
}

#[test]
fn a_cycle_of_ephemerons_is_dead_unless_one_key_is_reached() {
    each(|heap, m| {
        let keys: Vec<_> = (0..5).map(|number| m.root(plain(m, number))).collect();
        let pair = |n: usize| m.root(Ephemeron::new(m, keys[n].get(m), keys[(n + 1) % 5].get(m)));
        let pairs: Vec<_> = (0..5).map(pair).collect();
        let kept = keys[2].clone_in(m);
        drop(keys);
        for generation in [Collect::Young, Collect::Promote, Collect::Full] {
            m.collect(generation);
            assert!((0..5).all(|n| numbers(m, &pairs[n as usize]) == Some((n, (n + 1) % 5))));
        }
        drop(kept);
        collect(heap, m);
        assert!(pairs.iter().all(|pair| numbers(m, pair).is_none()));
    });
}

#[test]
fn an_ephemeron_in_its_own_value_or_key_lives_with_the_key() {
    each(|heap, m| {
        for in_key in [false, true] {
            let ledger = Ledger::default();
            let key = m.root(thing(m, 1, Some(ledger.token())));
            let value = thing(m, 2, Some(ledger.token()));
            let pair = Ephemeron::new(m, key.get(m), value);
            *if in_key { key.get(m) } else { value }.pair.borrow_mut(m) = Some(pair);
            // In its own value only, nothing reaches it.
            let pair = m.root(pair);
            for generation in [Collect::Young, Collect::Promote, Collect::Full] {
                m.collect(generation);
                assert_eq!(numbers(m, &pair), Some((1, 2)));
            }
            drop(pair);
            collect(heap, m);
            assert_eq!(ledger.dropped(), if in_key { 0 } else { 1 });
            let found = key.get(m).pair.borrow(m).and_then(|pair| pair.get(m)).map(|(_, value)| value.number());
            assert_eq!(found, in_key.then_some(2));
            drop(key);
            collect(heap, m);
            ledger.assert_all_once();
        }
    });
}

#[test]
fn many_ephemerons_may_have_one_key() {
    each(|heap, m| {
        let key = m.root(plain(m, 1));
        let others = m.root(plain(m, 2));
        let pairs: Vec<_> = (0..3000)
            .map(|n| m.root(Ephemeron::new(m, if n % 3 == 0 { others.get(m) } else { key.get(m) }, plain(m, n))))
            .collect();
        drop(others);
        m.collect(Collect::Young);
        m.collect(Collect::Full);
        for (n, pair) in pairs.iter().enumerate() {
            assert_eq!(numbers(m, pair), (n % 3 != 0).then_some((1, n as u64)));
        }
        drop(key);
        collect(heap, m);
        assert!(pairs.iter().all(|pair| pair.get(m).is_dead(m)));
        assert_eq!(heap.stats().ephemerons_cleared, 3000);
    });
}

/// Keys and values of each age, and the ephemeron of each that is no older.
#[test]
fn generations_do_not_matter() {
    each(|heap, m| {
        for bits in (0..64_u32).step_by(if is_full() { 1 } else { 5 }) {
            let age = |m: &mut Mutator, bits: u32| match bits & 3 {
                0 => {}
                1 => _ = m.collect(Collect::Young),
                2 => _ = m.collect(Collect::Promote),
                _ => _ = m.collect(Collect::Full),
            };
            let key = m.root(plain(m, 1));
            age(m, bits);
            let value = m.root(plain(m, 2));
            age(m, bits >> 2);
            let pair = m.root(Ephemeron::new(m, key.get(m), value.get(m)));
            age(m, bits >> 4);
            drop(value);
            age(m, bits >> 2);
            assert_eq!(numbers(m, &pair), Some((1, 2)), "{bits:#b}");
            drop(key);
            age(m, bits);
            collect(heap, m);
            assert_eq!(numbers(m, &pair), None, "{bits:#b}");
        }
    });
}

/// Large objects do not move, and become old where they are.
#[test]
fn keys_and_values_of_every_kind() {
    each(|heap, m| {
        for generation in [Collect::Young, Collect::Full] {
            let large = m.root(m.alloc_slice_with(100_000, |n| n as u64));
            let text = m.root(m.alloc_str("a key"));
            let unit = m.root(m.alloc(()));
            let by_large = m.root(Ephemeron::new(m, large.get(m), m.alloc_str("of a large object")));
            let by_text = m.root(Ephemeron::new(m, text.get(m), m.alloc_slice_with(100_000, |n| n as u64)));
            let by_unit = m.root(Ephemeron::new(m, unit.get(m), large.get(m)));
            m.collect(generation);
            m.collect(generation);
            assert_eq!(by_large.get(m).value(m).as_deref(), Some("of a large object"));
            assert_eq!(by_text.get(m).get(m).map(|(key, value)| (key.len(), value[99_999])), Some((5, 99_999)));
            drop(large);
            m.collect(Collect::Full);
            // The value of the third one.
            assert_eq!(by_large.get(m).key(m).map(|key| key[77]), Some(77));
            assert!(by_unit.get(m).key(m).is_some());
            drop((text, unit));
            collect(heap, m);
            assert!(by_text.get(m).is_dead(m) && by_unit.get(m).is_dead(m) && by_large.get(m).is_dead(m));
            assert!(by_text.get(m).get(m).is_none());
        }
        // A large key that dies young.
        let pair = m.root(Ephemeron::new(m, m.alloc_slice_with(100_000, |n| n as u64), m.alloc(1_u64)));
        m.collect(Collect::Young);
        assert!(pair.get(m).is_dead(m));
    });
}

/// It is one word, and a field, an element, an optional one, or part of a root like any pointer.
#[test]
fn an_ephemeron_is_a_value_like_a_pointer() {
    #[derive(Trace)]
    struct Places<'gc> {
        field: Pair<'gc>,
        optional: Option<Pair<'gc>>,
        many: Vec<Pair<'gc>>,
        cell: GcCell<Vec<Pair<'gc>>>,
    }
    assert_eq!(size_of::<Option<Pair<'static>>>(), size_of::<usize>());
    each(|heap, m| {
        let keys = m.root((0..5).map(|n| plain(m, n)).collect::<Vec<_>>());
        let pair = |n: usize| Ephemeron::new(m, keys.borrow(m)[n], plain(m, n as u64));
        let places = m.root(m.alloc(Places {
            field: pair(0),
            optional: Some(pair(1)),
            many: vec![pair(2), pair(3)],
            cell: GcCell::new(Vec::new()),
        }));
        m.collect(Collect::Full);
        // Into an old cell, a young one: the write barrier.
        places.get(m).cell.borrow_mut(m).push(Ephemeron::new(m, keys.borrow(m)[4], plain(m, 4)));
        let all = |m: &Mutator| -> Vec<_> {
            let places = places.get(m);
            let cell = places.cell.borrow(m).clone();
            let all = [places.field].into_iter().chain(places.optional).chain(places.many.iter().copied()).chain(cell);
            all.map(|pair| pair.get(m).map(|(key, value)| (key.number(), value.number()))).collect()
        };
        for generation in [Collect::Young, Collect::Promote, Collect::Full] {
            m.collect(generation);
            assert_eq!(all(m), (0..5).map(|n| Some((n, n))).collect::<Vec<_>>());
        }
        drop(keys);
        collect(heap, m);
        assert_eq!(all(m), [None; 5]);
    });
}

#[test]
fn ephemerons_are_the_same_by_identity() {
    each(|_, m| {
        let (key, value) = (plain(m, 1), plain(m, 2));
        let first = Ephemeron::new(m, key, value);
        let pair = m.root((first, first, Ephemeron::new(m, key, value)));
        m.collect(Collect::Promote);
        let (first, again, other) = *pair.borrow(m);
        assert!(Ephemeron::ptr_eq(first, again) && !Ephemeron::ptr_eq(first, other));
        assert!(format!("{first:?}").starts_with("Ephemeron<"));
        assert!(format!("{first:?}").ends_with("(cleared)"));
    });
}

/// The pair, the key's flag and the table cost what the documentation says.
#[test]
fn a_dead_ephemeron_is_freed() {
    each(|heap, m| {
        collect(heap, m);
        let before = heap.stats().old_objects;
        let key = m.root(plain(m, 1));
        let pairs = m.root((0..1000).map(|n| Ephemeron::new(m, key.get(m), plain(m, n))).collect::<Vec<_>>());
        collect(heap, m);
        assert_eq!(heap.stats().old_objects, before + 2001);
        drop(pairs);
        collect(heap, m);
        assert_eq!(heap.stats().old_objects, before + 1);
    });
}

#[test]
fn memory_that_runs_out_is_an_error() {
    let heap = under("verify").auto(false).build().unwrap();
    let m = heap.attach().unwrap();
    let (key, value) = (plain(&m, 1), plain(&m, 2));
    heap.set_hard_limit(Some(0));
    let mut made = 0;
    let error = loop {
        match Ephemeron::try_new(&m, key, value) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
        assert!(made < 1 << 20);
    };
    assert_eq!(error.limit(), 0);
}
