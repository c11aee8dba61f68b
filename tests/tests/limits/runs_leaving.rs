//! Free runs of large objects on their way back to the system: nothing that is written into one is lost, and a heap with room refuses
//! nobody.

use std::thread;

use gc_core::{Collect, Heap, Mutator, Slot, Thresholds};
use gc_tests::{heaps::calm, random::Random, sizes::scaled};

/// A heap whose cycles give back most of what they find empty.
fn heap(limit: usize) -> Heap {
    let thresholds = Thresholds { growth_floor: 1 << 20, ..Thresholds::default() };
    calm().thresholds(thresholds).hard_limit(limit).build().unwrap()
}

/// Keeps a window of large objects, each full of a number of its own, that shrinks and grows. `alloc` panics if it is refused.
fn breathe(m: &mut Mutator, rounds: u64, seed: u64) {
    let mut random = Random::new(seed);
    let window = m.root(m.alloc_slice_with(32, |_| Slot::<[u64]>::null()));
    let mut number = seed << 32;
    for round in 0..rounds {
        for slot in window.get(m).iter() {
            if let Some(object) = slot.get() {
                let own = object[0];
                assert!(object.iter().all(|&word| word == own), "what was written into a run is lost");
            }
        }
        // All of it dies, or some.
        let every = 1 + random.below(3) as usize;
        for n in (0..32).step_by(every) {
            window.get(m)[n].set(m, None);
        }
        if round % 2 == 0 {
            m.collect(Collect::Full);
        }
        for n in 0..32 {
            if window.get(m)[n].get().is_none() {
                number += 1;
                let new = m.alloc_slice_with(1100 + random.below(6000) as usize, |_| number);
                window.get(m)[n].set(m, Some(new));
            }
            m.safepoint();
        }
        if round % 16 == 15 {
            m.compact();
        }
    }
}

/// The attack: threads that allocate large objects in runs that others have just freed, while the heap's thread, compactions and
/// refused allocations give memory back.
#[test]
fn runs_that_leave_beside_threads_that_allocate_lose_nothing() {
    // Up to 32 objects of 56 KiB for each thread live, twice as much is dead, and a nursery is under way.
    let heap = heap(24 << 20);
    thread::scope(|scope| {
        for seed in 1..4 {
            let heap = &heap;
            scope.spawn(move || breathe(&mut heap.attach().unwrap(), scaled(120), seed));
        }
    });
}

/// The attack: objects that need all that free runs hold, of another size, right after the cycle that freed them.
#[test]
fn a_large_object_finds_the_runs_that_a_cycle_has_freed() {
    let heap = heap(64 << 20);
    let (mut m, source) = (heap.attach().unwrap(), vec![7_u8; 40 << 20]);
    for round in 0..scaled(20) {
        let window = m.root(m.alloc_slice_with(40 << 4, |_| Slot::<[u8]>::null()));
        for slot in window.get(&m).iter() {
            slot.set(&m, Some(m.alloc_slice_copy(&source[..60 << 10])));
        }
        drop(window);
        m.collect(Collect::Full);
        let large = m.try_alloc_slice_copy(&source);
        assert!(large.is_ok(), "round {round}: {:?}", large.err().map(|error| error.report().clone()));
        m.collect(Collect::Full);
    }
}

/// The attack: small objects need the memory of free runs, as blocks and chunks.
#[test]
fn small_objects_find_the_runs_that_a_cycle_has_freed() {
    let heap = heap(40 << 20);
    let (mut m, source) = (heap.attach().unwrap(), vec![7_u8; 60 << 10]);
    for _ in 0..scaled(20) {
        let window = m.root(m.alloc_slice_with(24 << 4, |_| Slot::<[u8]>::null()));
        for n in 0..24 << 4 {
            window.get(&m)[n].set(&m, Some(m.alloc_slice_copy(&source)));
            m.safepoint();
        }
        drop(window);
        m.collect(Collect::Full);
        // `alloc` panics if it is refused.
        for n in 0..1 << 14 {
            m.alloc([n; 100]);
        }
    }
}
