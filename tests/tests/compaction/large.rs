//! Large objects stay where they are, and their pointers into blocks that are emptied follow: also those of objects that become old while
//! the old generation is marked.

use gc_core::{Collect, Gc, GcCell, Mutator, Root, Slot, Trace};
use gc_tests::{
    Tested,
    heaps::under,
    ledger::{Ledger, Token},
    random::Random,
    sizes::scaled,
};

use crate::support::{Thing, check_all, collect_all, thing, threads, under_each};

/// Enough for a large object that is traced in several pieces.
const MANY: usize = 2500;

#[derive(Trace)]
struct Part<'gc> {
    slot: Slot<'gc, Thing>,
    fixed: Option<Gc<'gc, Thing>>,
    cell: GcCell<Vec<Gc<'gc, Thing>>>,
    token: Option<Token>,
}

/// A large object that holds old things in its first and last parts.
fn large<'gc>(
    m: &'gc Mutator,
    things: &[Gc<'gc, Thing>],
    random: &mut Random,
    token: Option<&Ledger>,
) -> Gc<'gc, [Part<'gc>]> {
    let mut pick =
        |n: usize| (!(20..=MANY - 20).contains(&n)).then(|| things[random.below(things.len() as u64) as usize]);
    m.alloc_slice_with(MANY, |n| Part {
        slot: Slot::new(pick(n)),
        fixed: pick(n),
        cell: GcCell::new(pick(n).into_iter().chain(pick(n)).collect()),
        token: token.map(Ledger::token),
    })
}

fn check<'gc>(large: Gc<'gc, [Part<'gc>]>, m: &'gc Mutator) {
    for part in large.iter().take(20).chain(large.iter().rev().take(20)) {
        check_all(part.slot.get().into_iter().chain(part.fixed).chain(part.cell.borrow(m).iter().copied()));
    }
}

/// In profiles with few safepoints between collections a large object is verified in each pause: so they are few.
fn play(m: &mut Mutator, things: &Root<Vec<Gc<'static, Thing>>>, random: &mut Random, rounds: u64) {
    let mut kept = m.root(Vec::<Gc<[Part]>>::new());
    for _ in 0..rounds {
        // It becomes old in the next pause, in most cases while the old generation is marked.
        let new = m.root(large(m, things.borrow(m), random, None));
        let all = kept.get_mut(m);
        all.push(new.get(m));
        if all.len() > 3 {
            all.swap_remove(random.below(3) as usize);
        }
        for _ in 0..8 {
            {
                let one = kept.borrow(m)[random.below(kept.borrow(m).len() as u64) as usize];
                let part = &one[random.below(MANY as u64) as usize];
                let old = things.borrow(m)[random.below(200) as usize];
                part.slot.set(m, Some(old));
                part.cell.borrow_mut(m).push(old);
                part.slot.set(m, one[3].fixed);
                check(one, m);
            }
            m.safepoint();
        }
    }
    m.collect(Collect::Full);
    kept.borrow(m).iter().for_each(|&one| check(one, m));
}

const FEW: [&str; 4] = [
    "compact-always,slow-marker=16,full-every=2,every-safepoint=7,verify",
    "compact-random,slow-marker=16,full-every=2,every-safepoint=9,workers=3,verify",
    "compact-always,compact-places=4000,slow-marker=64,full-every=2,every-safepoint=9,tiny-nursery,verify",
    "compact-random,stopped,full-every=2,every-safepoint=9,verify",
];

#[test]
fn what_large_objects_hold_that_become_old_during_marking_follows() -> Tested {
    for (seed, profile) in (1..).zip(FEW) {
        let heap = under(profile).build()?;
        let mut m = heap.attach()?;
        let things = m.root((0..200).map(|n| thing(&m, n)).collect::<Vec<_>>());
        play(&mut m, &things, &mut Random::new(seed), scaled(5));
        check_all(things.borrow(&m).iter().copied());
        // With few places, or by chance, all blocks may stay.
        assert!(heap.stats().objects_moved > 0 || profile != FEW[0], "{profile}");
    }
    Ok(())
}

#[test]
fn what_large_objects_of_three_threads_hold_follows() -> Tested {
    for profile in FEW {
        let heap = under(profile).build()?;
        let things = heap.with(|m| m.root((0..200).map(|n| thing(m, n)).collect::<Vec<_>>()))?;
        threads(&heap, 3, |m, _, random| play(m, &things, random, scaled(2)));
        // With few places, or by chance, all blocks may stay.
        assert!(heap.stats().objects_moved > 0 || profile != FEW[0], "{profile}");
    }
    Ok(())
}

/// Large objects die with their parts' destructors while small ones move.
#[test]
fn parts_of_large_objects_are_dropped_once() -> Tested {
    for profile in FEW {
        let (heap, ledger) = (under(profile).build()?, Ledger::default());
        let mut m = heap.attach()?;
        let things = m.root((0..200).map(|n| thing(&m, n)).collect::<Vec<_>>());
        let mut random = Random::new(2);
        let mut last = m.root(large(&m, things.borrow(&m), &mut random, Some(&ledger)));
        for _ in 0..scaled(6) {
            last = m.root(large(&m, things.borrow(&m), &mut random, Some(&ledger)));
            m.collect(Collect::Full);
            ledger.assert_none_twice();
            check(last.get(&m), &m);
        }
        let left = last.get(&m).iter().all(|part| part.token.is_some());
        assert!(left);
        drop(last);
        collect_all(&heap, &mut m);
        m.compact();
        ledger.assert_all_once();
    }
    Ok(())
}

/// A cell in a small object that owns far more memory than an object may take.
#[test]
fn a_cell_that_owns_much_follows_or_its_objects_stay() {
    under_each(|heap, random| {
        let mut m = heap.attach().unwrap();
        let cell = m.root(m.alloc(GcCell::new(Vec::<Gc<Thing>>::new())));
        let other = m.root(m.alloc(GcCell::new(None::<Box<Vec<(u8, Gc<Thing>)>>>)));
        for round in 0..scaled(60) {
            {
                let cell = cell.get(&m);
                let mut held = cell.borrow_mut(&m);
                held.extend((0..random.below(200)).map(|n| thing(&m, n)));
                if held.len() > 1500 {
                    held.clear();
                }
                let twice: Vec<_> = held.iter().map(|&thing| (1, thing)).collect();
                if round % 3 == 0 {
                    other.get(&m).set(&m, Some(Box::new(twice)));
                }
            }
            m.safepoint();
            if round % 10 == 9 {
                m.collect(Collect::Full);
                check_all(cell.get(&m).borrow(&m).iter().copied());
                check_all(other.get(&m).borrow(&m).iter().flat_map(|held| held.iter().map(|pair| pair.1)));
            }
        }
    });
}
