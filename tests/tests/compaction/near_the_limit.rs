//! Under a hard limit no program is refused memory that lies in free cells of other sizes.

use gc_core::{Collect, Gc, Slot};
use gc_tests::{
    Tested,
    heaps::calm,
    random::Random,
    sizes::{is_full, scaled},
};

/// It ended in a heap that refused everything with half a megabyte alive.
#[test]
fn every_phase_of_shifting_sizes_gets_its_share() -> Tested {
    let limit = 32 << 20;
    let heap = calm().hard_limit(limit).build()?;
    let mut m = heap.attach()?;
    let mut kept = m.root(Vec::<Gc<[u8]>>::new());
    let mut random = Random::new(5);
    for bytes in (24..=210).step_by(12) {
        // As much as the limit leaves for objects of one size.
        let mut phase = m.root(Vec::<Gc<[u8]>>::new());
        let count = (limit / 2 / scaled(1) as usize) / (bytes + 16);
        for n in 0..count {
            // What the last phase has dropped may have to be collected first: a refusal promises that.
            let mut refused = 0;
            let new = loop {
                match m.try_alloc_slice_copy(&vec![n as u8; bytes]) {
                    Ok(new) => break new,
                    Err(error) => assert!(refused < 32, "{bytes} bytes, object {n} of {count}: {error}"),
                }
                refused += 1;
                m.safepoint();
            };
            phase.get_mut(&m).push(new);
            if random.below(500) == 0 {
                kept.get_mut(&m).push(new);
            }
            m.safepoint();
        }
    }
    m.collect(Collect::Full);
    for slice in kept.borrow(&m) {
        assert!(slice.iter().all(|&byte| byte == slice[0]));
    }
    Ok(())
}

/// A cache whose values change their size: cells of other sizes were no room, and half of the limit was live on average, or less.
///
/// A value of 24 bytes takes a cell of 48, so this counts less than the limit does.
#[test]
fn a_cache_whose_sizes_change_keeps_its_limit() {
    let limit = 32 << 20;
    let heap = calm().hard_limit(limit).build().unwrap();
    let mut m = heap.attach().unwrap();
    let places = 1 << 19;
    let cache = m.root(m.alloc_slice_with(places, |_| Slot::<[u8]>::null()));
    let mut random = Random::new(88_172_645);
    let (mut live, mut refusals, mut sum, mut samples) = (8 * places as isize, 0, 0, 0);
    for (phase, len) in [80, 80, 48, 150, 24, 200, 64, 110].into_iter().enumerate() {
        for n in 0..scaled(120_000) {
            let place = random.below(places as u64) as usize;
            while let Err(_refused) = m.try_alloc_slice_copy(&[7_u8; 200][..len]).map(|value| {
                let slots = cache.get(&m);
                let before = slots[place].get().map_or(0, |value| value.len() + 16);
                slots[place].set(&m, Some(value));
                live += len as isize + 16 - before as isize;
            }) {
                // It was refused thirteen times beside the blocks that a compaction had emptied.
                let empty = heap.memory_report().old_empty;
                assert!(
                    empty < limit / 6 || !is_full(),
                    "refused beside {empty} empty bytes, {refusals} refusals before"
                );
                refusals += 1;
                for _ in 0..places / 64 {
                    let place = random.below(places as u64) as usize;
                    let before = cache.get(&m)[place].take(&m).map_or(0, |value| value.len() + 16);
                    live -= before as isize;
                }
                m.safepoint();
            }
            m.safepoint();
            if phase > 2 && n % 1000 == 0 {
                (sum, samples) = (sum + live, samples + 1);
            }
        }
    }
    let average = sum / samples;
    assert!(
        average * 100 >= limit as isize * 65 || !is_full(),
        "{average} bytes of {limit}, {refusals} refusals, {:?}",
        heap.stats()
    );
    assert!(heap.stats().memory_peak <= limit);
}
