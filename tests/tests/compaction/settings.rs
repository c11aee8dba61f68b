//! Settings at their ends, refusals of the system, and entry points of every kind: nothing is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gc_core::{Collect, EnterError, Gc, Heap, HeapBuilder, Mutator, Root, Slot};
use gc_tests::{
    Tested,
    heaps::{calm, under},
    random::Random,
    sizes::scaled,
};

use crate::support::{Thing, check_all, thing};

type Table = Root<Gc<'static, [Slot<'static, Thing>]>>;

const SLOTS: u64 = 3000;

fn table(m: &Mutator) -> Table {
    m.root(m.alloc_slice_with(SLOTS as usize, |_| Slot::<Thing>::null()))
}

/// Fills the slots, and empties most of them at random, with a full collection now and then.
fn fill(m: &mut Mutator, table: &Table, random: &mut Random, rounds: u64) {
    for round in 0..rounds {
        for _ in 0..1500 {
            table.get(m)[random.below(SLOTS) as usize].set(m, Some(thing(m, round)));
            m.safepoint();
        }
        m.collect(Collect::Promote);
        for slot in table.get(m).iter() {
            if random.below(8) != 0 {
                slot.set(m, None);
            }
        }
        m.collect(Collect::Full);
        check_all(table.get(m).iter().filter_map(|slot| slot.get()));
    }
}

fn moved(builder: HeapBuilder) -> u64 {
    let heap = builder.build().unwrap();
    let mut m = heap.attach().unwrap();
    let table = table(&m);
    fill(&mut m, &table, &mut Random::new(9), 4);
    m.collect(Collect::Full);
    check_all(table.get(&m).iter().filter_map(|slot| slot.get()));
    heap.stats().objects_moved
}

#[test]
fn bounds_of_what_moves_are_kept_at_their_ends() {
    let always = || under("compact-always,verify");
    assert!(moved(always()) > 0);
    // Without places no pointer is recorded, and every block stays.
    assert_eq!(moved(calm().compact_places(0)), 0);
    assert_eq!(moved(calm().compact_bytes(0)), 0);
    assert_eq!(moved(calm().compact_bytes(0).compact_places(usize::MAX)), 0);
    // Nothing overflows.
    moved(calm().compact_bytes(usize::MAX).compact_places(usize::MAX));
    moved(calm().compact_bytes(1).compact_places(1));
}

#[test]
fn blocks_leave_at_any_number_of_places() {
    for places in (1..=64).step_by(if scaled(2) == 2 { 9 } else { 21 }) {
        for way in ["always", "random"] {
            moved(under(&format!("compact-{way},compact-places={places},slow-marker=512,verify")));
        }
    }
}

/// The system refuses memory at every moment in turn, also for the blocks that objects move to.
#[test]
fn where_the_system_refuses_memory_blocks_stay() {
    for refused in (1..90).step_by(if scaled(2) == 2 { 4 } else { 17 }) {
        let profile =
            format!("compact-always,compact-all=3,full-every=2,every-safepoint=300,map-fails={refused},verify");
        let Ok(heap) = under(&profile).build() else { continue };
        let Ok(mut m) = heap.attach() else { continue };
        let mut kept = m.root(Vec::<Gc<Thing>>::new());
        let mut random = Random::new(refused);
        for number in 0..1500 {
            let Ok(new) = m.try_alloc(Thing::new(number)) else {
                m.safepoint();
                continue;
            };
            let things = kept.get_mut(&m);
            things.push(new);
            if things.len() > 700 {
                things.retain(|_| random.below(5) == 0);
            }
            m.safepoint();
        }
        m.compact();
        check_all(kept.borrow(&m).iter().copied());
    }
}

/// No block has a free cell, and the limit leaves none: what cannot move stays, and what dies is room again.
#[test]
fn a_heap_that_is_full_to_its_limit_moves_what_it_can() -> Tested {
    // Not verified: near the limit each safepoint collects.
    for profile in ["compact-always", "compact-all=2"] {
        let heap = under(profile).nursery_bytes(256 << 10).hard_limit(8 << 20).build()?;
        let mut m = heap.attach()?;
        let mut kept = m.root(Vec::<Gc<[u64; 60]>>::new());
        let check = |m: &Mutator, kept: &Root<Vec<Gc<'static, [u64; 60]>>>| {
            let all = kept.borrow(m);
            assert!(all.iter().all(|words| words.iter().all(|word| *word == words[0])));
            all.len()
        };
        for round in 0..3 {
            // Refused for good.
            let mut refusals = 0;
            while refusals < 3 {
                match m.try_alloc([round; 60]) {
                    Ok(new) => kept.get_mut(&m).push(new),
                    Err(_) => refusals += 1,
                }
                m.safepoint();
            }
            m.compact();
            let full = check(&m, &kept);
            assert!(full > 2000, "{full} things fill the heap");
            let mut random = Random::new(round);
            kept.get_mut(&m).retain(|_| random.below(10) == 0);
            m.compact();
            check(&m, &kept);
        }
    }
    Ok(())
}

#[test]
fn a_compaction_is_led_from_wherever_a_mutator_is_lent() -> Tested {
    let (heap, other) = (under("verify").build()?, under("compact-random,verify").build()?);
    let tables = [heap.with(|m| table(m))?, other.with(|m| table(m))?];
    let sparse = |m: &mut Mutator, table: &Table| fill(m, table, &mut Random::new(1), 1);
    heap.with(|m| sparse(m, &tables[0]))?;
    other.with(|m| sparse(m, &tables[1]))?;
    let check = |m: &Mutator, table: &Table| assert!(check_all(table.get(m).iter().filter_map(|slot| slot.get())) > 0);
    // Inside `blocked` of the other heap, inside `with`, in a scope, on a thread that unwinds, parked.
    let nested = heap.with(|m| {
        let inner = m.blocked(|| {
            other.with(|m| {
                m.compact();
                check(m, &tables[1]);
                heap.with(|m| m.compact().objects_moved)
            })
        });
        m.compact();
        check(m, &tables[0]);
        inner
    })?;
    assert_eq!(nested, Ok(Err(EnterError::Running)));
    let mut parked = heap.attach()?.park();
    let m = other.attach()?;
    drop(m);
    parked.with(|m| {
        m.compact();
        check(m, &tables[0]);
    })?;
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        heap.with(|m| {
            m.compact();
            std::panic::resume_unwind(Box::new(m.compact().objects_moved));
        })
    }));
    assert!(unwound.is_err());
    struct Compacts<'a>(Option<Mutator>, &'a Table);
    impl Drop for Compacts<'_> {
        fn drop(&mut self) {
            if let Some(m) = &mut self.0 {
                m.compact();
                check_all(self.1.get(m).iter().filter_map(|slot| slot.get()));
            }
        }
    }
    // While a thread unwinds.
    let attached = Compacts(Some(heap.attach()?), &tables[0]);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _attached = attached;
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(unwound.is_err());
    heap.with(|m| check(m, &tables[0]))?;
    other.with(|m| check(m, &tables[1]))?;
    Ok(())
}

/// A mutator that is leaked stays attached for ever: then nothing moves, and nothing dangles.
#[test]
fn a_heap_whose_mutator_was_leaked_moves_nothing() -> Tested {
    let heap: Heap = under("compact-always,verify").build()?;
    let mut m = heap.attach()?;
    let table = table(&m);
    fill(&mut m, &table, &mut Random::new(1), 1);
    let moved = heap.stats().objects_moved;
    let m: &'static Mutator = Box::leak(Box::new(m));
    let things: Vec<Gc<'static, Thing>> = table.get(m).iter().filter_map(|slot| slot.get()).collect();
    std::thread::sleep(std::time::Duration::from_millis(20));
    check_all(things.iter().copied());
    assert_eq!(heap.stats().objects_moved, moved);
    Ok(())
}
