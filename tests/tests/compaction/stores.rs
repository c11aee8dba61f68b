//! Stores while the old generation is marked: every place that comes to hold an old object is known when that moves.

use std::{sync::Barrier, time::Duration};

use gc_core::{Collect, Gc, Mutator, Root, Slot, Trace};
use gc_tests::{heaps::under, random::Random, sizes::scaled};

use crate::support::{Thing, thing, threads, under_each};

#[derive(Trace)]
struct Place<'gc> {
    slot: Slot<'gc, Thing>,
    next: Slot<'gc, Place<'gc>>,
    fixed: Option<Gc<'gc, Thing>>,
}

type Table = Root<Gc<'static, [Place<'static>]>>;

const PLACES: u64 = 60;

fn table(m: &Mutator) -> Table {
    m.root(m.alloc_slice_with(PLACES as usize, |n| Place {
        slot: Slot::new(Some(thing(m, n as u64))),
        next: Slot::null(),
        fixed: Some(thing(m, n as u64)),
    }))
}

fn check(table: &Table, m: &Mutator) {
    for place in table.get(m).iter() {
        let mut next = place.next.get();
        for held in place.slot.get().into_iter().chain(place.fixed) {
            held.check();
        }
        for _ in 0..4 {
            let Some(place) = next else { break };
            place.slot.get().into_iter().chain(place.fixed).for_each(|held| assert!(held.check() < u64::MAX));
            next = place.next.get();
        }
    }
}

/// Moves old objects from place to place in every way that a slot has.
fn shuffle(table: &Table, m: &Mutator, random: &mut Random) {
    let places = table.get(m);
    let (from, to) = (&places[random.below(PLACES) as usize], &places[random.below(PLACES) as usize]);
    let held = match random.below(5) {
        0 => from.slot.swap(m, to.slot.get()),
        1 => from.slot.take(m),
        2 => from.slot.compare_exchange(m, from.slot.get(), to.fixed).unwrap_or_else(|found| found),
        3 => from.slot.get(),
        _ => Some(thing(m, random.draw())),
    };
    match random.below(4) {
        0 => to.slot.set(m, held),
        1 => drop(to.slot.swap(m, held)),
        // From here on it is held by a young object only.
        2 => to.next.set(m, Some(m.alloc(Place { slot: Slot::null(), next: Slot::new(from.next.get()), fixed: held }))),
        _ => to.next.set(m, Some(m.alloc(Place { slot: Slot::new(held), next: Slot::null(), fixed: None }))),
    }
    if random.below(40) == 0 {
        places[random.below(PLACES) as usize].next.set(m, None);
    }
}

#[test]
fn what_a_slot_comes_to_hold_follows() {
    under_each(|heap, random| {
        let mut m = heap.attach().unwrap();
        let table = table(&m);
        for round in 0..scaled(400) {
            shuffle(&table, &m, random);
            if round % 32 == 0 {
                check(&table, &m);
            }
            m.safepoint();
        }
        m.collect(Collect::Full);
        check(&table, &m);
    });
}

#[test]
fn what_four_threads_store_in_the_same_slots_follows() {
    under_each(|heap, _| {
        let table = heap.with(|m| table(m)).unwrap();
        threads(heap, 4, |m, _, random| {
            for round in 0..scaled(150) {
                shuffle(&table, m, random);
                if round % 64 == 0 {
                    check(&table, m);
                }
                m.safepoint();
            }
        });
        heap.with(|m| {
            m.collect(Collect::Full);
            check(&table, m);
        })
        .unwrap();
    });
}

/// The slot is stored to by two threads at the same moment, again and again.
#[test]
fn the_last_of_two_stores_at_once_follows() {
    let heap = under("compact-always,slow-marker=2,full-every=2,every-safepoint=4,verify").build().unwrap();
    let table = heap.with(|m| table(m)).unwrap();
    let start = Barrier::new(2);
    threads(&heap, 2, |m, thread, random| {
        for _ in 0..scaled(200) {
            m.blocked(|| start.wait());
            {
                let places = table.get(m);
                for place in &places[..8] {
                    place.slot.set(m, places[random.below(PLACES) as usize].fixed);
                    if thread == 0 {
                        place.slot.get().unwrap().check();
                    }
                }
            }
            m.safepoint();
        }
        check(&table, m);
    });
    assert!(heap.stats().objects_moved > 0);
}

/// What its barrier has recorded is not lost with a mutator.
#[test]
fn what_a_mutator_stored_before_it_detached_follows() {
    under_each(|heap, _| {
        let table = heap.with(|m| table(m)).unwrap();
        threads(heap, 3, |m, thread, random| {
            if thread == 0 {
                for _ in 0..scaled(8) {
                    m.collect(Collect::Full);
                    check(&table, m);
                }
                return;
            }
            for _ in 0..scaled(20) {
                let (seed, table) = (random.draw(), &table);
                // A thread that attaches, stores and detaches, and reaches no safepoint.
                let stores = || {
                    let m = heap.attach().unwrap();
                    let mut random = Random::new(seed);
                    (0..10).for_each(|_| shuffle(table, &m, &mut random));
                };
                m.blocked(|| std::thread::scope(|scope| scope.spawn(stores).join().unwrap()));
            }
        });
        heap.with(|m| {
            m.collect(Collect::Full);
            m.compact();
            check(&table, m);
        })
        .unwrap();
    });
}

/// Mutators that are parked, kept or blocked have stored before, and do not run when their objects move.
#[test]
fn what_a_mutator_stored_before_it_was_left_alone_follows() {
    let heap = under("compact-always,slow-marker=4,full-every=2,every-safepoint=5,verify").build().unwrap();
    let other = under("compact-random,slow-marker=4,full-every=3,every-safepoint=5,verify").build().unwrap();
    let tables = heap.with(|m| (0..2).map(|_| table(m)).collect::<Vec<_>>()).unwrap();
    let elsewhere = other.with(|m| table(m)).unwrap();
    let done = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        let programs = tables.iter().zip([false, true]).map(|(table, lent)| {
            let (heap, other, elsewhere, done) = (&heap, &other, &elsewhere, &done);
            scope.spawn(move || {
                let mut random = Random::new(u64::from(lent));
                let mut parked = (!lent).then(|| heap.attach().unwrap().park());
                for _ in 0..scaled(150) {
                    let mut turn = |m: &mut Mutator| {
                        (0..4).for_each(|_| shuffle(table, m, &mut random));
                        let inner = m.blocked(|| {
                            other.with(|m| {
                                (0..4).for_each(|_| shuffle(elsewhere, m, &mut Random::new(5)));
                                m.safepoint();
                                check(elsewhere, m);
                            })
                        });
                        inner.unwrap();
                        (0..4).for_each(|_| shuffle(table, m, &mut random));
                        check(table, m);
                    };
                    match &mut parked {
                        Some(parked) => parked.with(&mut turn).unwrap(),
                        None => heap.with(&mut turn).unwrap(),
                    }
                    std::thread::yield_now();
                }
                done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            })
        });
        let programs: Vec<_> = programs.collect();
        let (heap, done, tables) = (&heap, &done, &tables);
        let collects = scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            while done.load(std::sync::atomic::Ordering::SeqCst) < 2 {
                m.collect(Collect::Full);
                tables.iter().for_each(|table| check(table, &m));
                m.blocked(|| std::thread::sleep(Duration::from_millis(1)));
            }
        });
        // Joined one by one: a sanitizer does not see the end of a scope.
        programs.into_iter().chain([collects]).for_each(|thread| thread.join().unwrap());
    });
    assert!(heap.stats().objects_moved > 0);
}
