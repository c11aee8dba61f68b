//! A marker that finds nothing left to sweep of one full collection, and ends the next one instead, of which nothing was swept yet: meanwhile
//! a pause has swept the rest and ended the first, another has begun the second, and a third has ended its marking. Then marks of the second
//! are there when the third is marked, and what only objects with old marks hold is freed.
//!
//! Pauses follow each other closely, and thresholds decide what each does; what dies has destructors, so that the marker has something to
//! hand over between its last look and the end.

use std::time::{Duration, Instant};

use gc_core::{Gc, Heap, Mutator, Root, Slot, Trace};
use gc_tests::{heaps::calm, random::Random};

#[derive(Trace)]
struct Leaf {
    value: u64,
    check: u64,
    padding: [u64; 4],
    #[trace(skip)]
    owned: Box<u64>,
}

/// An old object that stays, and whose one field is replaced all the time.
#[derive(Trace)]
struct Holder<'gc> {
    slot: Slot<'gc, Leaf>,
}

type Table = Root<Gc<'static, [Gc<'static, Holder<'static>>]>>;

const SALT: u64 = 0x9E37_79B9_7F4A_7C15;
const HOLDERS: usize = 6_000;
const REPLACED: usize = 9_000;

fn leaf<'gc>(m: &'gc Mutator, value: u64) -> Gc<'gc, Leaf> {
    m.alloc(Leaf { value, check: value ^ SALT, padding: [value; 4], owned: Box::new(value) })
}

/// Where the old generation is large enough for a full collection.
fn goal(heap: &Heap, bytes: usize) {
    let mut thresholds = heap.thresholds();
    (thresholds.growth_floor, thresholds.growth_percent) = (bytes, 1);
    heap.set_thresholds(thresholds).unwrap();
}

/// New leaves for some holders.
fn replace(m: &Mutator, table: &Table, expected: &mut [u64], random: &mut Random) {
    let holders = table.get(m);
    for _ in 0..REPLACED {
        let index = random.below(HOLDERS as u64) as usize;
        expected[index] = random.below(u64::MAX);
        holders[index].slot.set(m, Some(leaf(m, expected[index])));
    }
}

fn check(m: &Mutator, table: &Table, expected: &[u64]) {
    for (holder, &value) in table.get(m).iter().zip(expected) {
        let leaf = holder.slot.get().expect("a leaf");
        // Its box is not looked at: who has freed the leaf has freed the box.
        let found = (leaf.value, leaf.check, leaf.padding);
        assert_eq!(found, (value, value ^ SALT, [value; 4]), "a live object was freed");
    }
}

#[test]
fn the_end_of_one_collection_is_not_that_of_the_next() {
    // Every safepoint is a pause, and begins a full collection where none is under way.
    let heap = calm().stress("every-safepoint=1,full-every=1".parse().unwrap()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut random = Random::new(11);
    let mut expected: Vec<u64> = (0..HOLDERS as u64).collect();
    let table: Table = {
        let m = &m;
        m.root(m.alloc_slice_with(HOLDERS, |i| m.alloc(Holder { slot: Slot::new(Some(leaf(m, i as u64))) })))
    };
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2500) {
        replace(&m, &table, &mut expected, &mut random);
        // Begins, unless one is under way.
        goal(&heap, usize::MAX);
        m.safepoint();
        for _ in 0..2 {
            // At the goal, with survivors expected that would be too many: the pause marks all that is left, and sweeps nothing.
            goal(&heap, heap.stats().old_bytes);
            m.safepoint();
            // Far over the goal: the pause sweeps all that is left.
            goal(&heap, 1);
            m.safepoint();
            // Begins the next.
            m.safepoint();
        }
        goal(&heap, heap.stats().old_bytes);
        m.safepoint();
        check(&m, &table, &expected);
    }
}
