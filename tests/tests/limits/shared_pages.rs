//! Large objects share pages: what happens to one leaves its neighbours whole, and every address inside of an object is found to be its.

use std::{sync::Arc, thread};

use gc_core::{Collect, Gc, Mutator, Root, Slot, Thresholds, Trace};
use gc_tests::{
    heaps::{checked, settle},
    random::Random,
    sizes::scaled,
};

const OBJECTS: usize = 24;
const ENDS: usize = 1300;

/// A part of a large object that is dropped by the heap's thread, which frees the run then.
#[derive(Trace)]
struct Counted<'gc> {
    value: Slot<'gc, u64>,
    token: Arc<()>,
}

/// An object that does not begin where its run does.
#[derive(Trace)]
#[repr(align(4096))]
struct Aligned<'gc> {
    values: [Slot<'gc, u64>; ENDS],
}

/// Large objects of each kind, or none.
#[derive(Trace)]
struct Place<'gc> {
    slots: Slot<'gc, [Slot<'gc, u64>]>,
    counted: Slot<'gc, [Counted<'gc>]>,
    aligned: Slot<'gc, Aligned<'gc>>,
    text: Slot<'gc, str>,
}

type Places = Root<Gc<'static, [Place<'static>]>>;

/// Stores young numbers in some slots of an object, its first and last ones among them.
fn store<'gc>(m: &'gc Mutator, random: &mut Random, len: usize, slot: impl Fn(usize) -> &'gc Slot<'gc, u64>) {
    for n in [0, len - 1, random.below(len as u64) as usize, len - 1 - random.below(8) as usize] {
        slot(n).set(m, Some(m.alloc(n as u64)));
    }
}

/// Checks that each slot holds its own number, or none.
fn check<'gc>(len: usize, slot: impl Fn(usize) -> &'gc Slot<'gc, u64>) {
    for n in 0..len {
        assert!(slot(n).get().is_none_or(|number| *number == n as u64), "slot {n} of {len}");
    }
}

/// Looks at all objects of a place, and writes to them.
fn touch(m: &Mutator, random: &mut Random, places: &Places, n: usize) {
    let place = &places.get(m)[n];
    if let Some(slots) = place.slots.get().map(Gc::as_ref) {
        check(slots.len(), |n| &slots[n]);
        store(m, random, slots.len(), |n| &slots[n]);
    }
    if let Some(counted) = place.counted.get().map(Gc::as_ref) {
        check(counted.len(), |n| &counted[n].value);
        store(m, random, counted.len(), |n| &counted[n].value);
    }
    if let Some(aligned) = place.aligned.get().map(Gc::as_ref) {
        assert!((&raw const *aligned).addr().is_multiple_of(4096));
        check(ENDS, |n| &aligned.values[n]);
        store(m, random, ENDS, |n| &aligned.values[n]);
    }
    if let Some(text) = place.text.get() {
        let first = text.as_bytes()[0];
        assert!(text.bytes().all(|byte| byte == first));
    }
}

/// Makes, changes and forgets objects.
fn churn(m: &mut Mutator, token: &Arc<()>, seed: u64, steps: u64) {
    let mut random = Random::new(seed);
    let empty = |_| Place { slots: Slot::null(), counted: Slot::null(), aligned: Slot::null(), text: Slot::null() };
    let places: Places = m.root(m.alloc_slice_with(OBJECTS, empty));
    for step in 0..steps {
        let n = random.below(OBJECTS as u64) as usize;
        let len = 1100 + random.below(1500) as usize;
        {
            let place = &places.get(m)[n];
            match random.below(8) {
                0 | 1 => place.slots.set(m, Some(m.alloc_slice_with(len, |_| Slot::null()))),
                2 => place
                    .counted
                    .set(m, Some(m.alloc_slice_with(len, |_| Counted { value: Slot::null(), token: token.clone() }))),
                3 => place.aligned.set(m, Some(m.alloc(Aligned { values: [const { Slot::null() }; ENDS] }))),
                4 => place.text.set(m, Some(m.alloc_str(&["a", "b", "c"][n % 3].repeat(8 * len)))),
                5 => place.slots.set(m, None),
                6 => place.aligned.set(m, None),
                _ => place.counted.set(m, None),
            }
        }
        touch(m, &mut random, &places, n);
        touch(m, &mut random, &places, (n + 1) % OBJECTS);
        match step % 128 {
            25 => drop(m.collect(Collect::Young)),
            50 => drop(m.collect(Collect::Promote)),
            75 => drop(m.collect(Collect::Full)),
            100 => drop(m.compact()),
            _ => m.safepoint(),
        }
    }
    for n in 0..OBJECTS {
        touch(m, &mut random, &places, n);
    }
}

/// The attack: threads make and forget objects beside those of others, in the same pages, while the heap marks, sweeps, drops and gives
/// pages back.
#[test]
fn neighbours_in_a_page_leave_each_other_whole() {
    let thresholds = Thresholds { growth_floor: 1 << 20, ..Thresholds::default() };
    let heap = checked().thresholds(thresholds).hard_limit(24 << 20).build().unwrap();
    let token = Arc::new(());
    thread::scope(|scope| {
        for seed in 1..4 {
            let (heap, token) = (&heap, &token);
            scope.spawn(move || churn(&mut heap.attach().unwrap(), token, seed, scaled(400)));
        }
    });
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    drop(m);
    settle(&heap);
    assert_eq!(Arc::strong_count(&token), 1);
    let report = heap.memory_report();
    assert_eq!(report.large_used, 0, "{report:?}");
}
