//! Promotion into an old generation full of small gaps, while everything else that changes free cells goes on: no object is put over another one.

use gc_core::{Collect, Gc, Heap, Mutator, Root, Slot, blocking};
use gc_tests::{
    heaps::under,
    random::{Random, mix},
    sizes::scaled,
};

/// Slices of a few sizes, whose elements follow from the first one. Those of one length are of one class.
type Table = Root<Gc<'static, [Slot<'static, [u64]>]>>;

const PLACES: u64 = 3000;
const ROUNDS: u64 = if cfg!(debug_assertions) { 4 } else { 40 };

fn check(slice: Gc<'_, [u64]>) {
    let first = slice[0];
    let is_whole = slice.iter().skip(1).enumerate().all(|(n, element)| *element == mix(first + n as u64));
    assert!(is_whole && slice.len() as u64 == 1 + first % 9, "an object was put over another one: {slice:x?}");
}

/// Replaces objects at random: each one that is old leaves a gap of a cell or two.
fn churn(m: &mut Mutator, seed: u64, rounds: u64) {
    let mut random = Random::new(seed);
    let table: Table = m.root(m.alloc_slice_with(PLACES as usize, |_| Slot::<[u64]>::null()));
    for round in 0..rounds {
        for _ in 0..600 {
            let first = random.draw() >> 8;
            let element = |n| if n == 0 { first } else { mix(first + n as u64 - 1) };
            let object = m.alloc_slice_with(1 + (first % 9) as usize, element);
            table.get(m)[random.below(PLACES) as usize].set(m, Some(object));
            m.safepoint();
        }
        match random.below(12) {
            0..=2 => _ = m.collect(Collect::Young),
            3 | 4 => _ = m.collect(Collect::Promote),
            5 => _ = m.collect(Collect::Full),
            // A hole: all of a stretch dies.
            6 => {
                let from = random.below(PLACES - 300) as usize;
                table.get(m)[from..from + 300].iter().for_each(|slot| slot.set(m, None));
            }
            _ => {}
        }
        if round % 4 == 0 {
            table.get(m).iter().filter_map(Slot::get).for_each(check);
        }
    }
    table.get(m).iter().filter_map(Slot::get).for_each(check);
}

fn run(heap: &Heap, seed: u64) {
    let mut m = heap.attach().unwrap();
    blocking::scope(&mut m, |scope| {
        let threads = [seed, seed + 100].map(|seed| {
            scope.spawn(move || {
                // A mutator that goes closes the blocks that it allocates in.
                for part in 0..3 {
                    churn(&mut heap.attach().unwrap(), seed + part, scaled(ROUNDS));
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn every_free_cell_is_taken_once() {
    let profiles = [
        "verify,workers=3,full-every=5,slow-marker=64",
        "verify,workers=2,full-every=3,slow-marker=16,to-space-full=3",
        "verify,workers=4,promote-random,full-every=4,compact-random,slow-marker=32",
        "verify,workers=3,promote-always,full-every=7,compact-always,compact-places=64",
        "verify,workers=2,pretenure,full-every=4,slow-marker=64",
        "verify,workers=3,pretenure,tiny-nursery,every-safepoint=600,full-every=6,compact-all=11",
        "verify,stopped,full-every=2,every-safepoint=600",
    ];
    for (seed, profile) in (1..).zip(profiles) {
        run(&under(profile).nursery_bytes(256 << 10).build().unwrap(), seed * 1000);
    }
}

/// Near the limit cursors are closed in each pause, blocks with few free cells are listed, and a pause may collect twice.
#[test]
fn every_free_cell_is_taken_once_near_the_limit() {
    let profiles = ["verify,workers=3", "verify,full-every=6,slow-marker=64", "verify,compact-random,full-every=3"];
    for (seed, profile) in (1..).zip(profiles) {
        let heap = under(profile).nursery_bytes(256 << 10).chunk_bytes(32 << 10).hard_limit(8 << 20).build().unwrap();
        run(&heap, seed * 1000);
        assert!(heap.stats().memory_peak <= 8 << 20);
    }
}
