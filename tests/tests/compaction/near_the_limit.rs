//! Under a hard limit no program is refused memory that lies in free cells of other sizes.

use gc_core::{Gc, Generation};
use gc_tests::{Tested, heaps::calm, random::Random, sizes::scaled};

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
            let new = m.try_alloc_slice_copy(&vec![n as u8; bytes])?;
            phase.get_mut(&m).push(new);
            if random.below(500) == 0 {
                kept.get_mut(&m).push(new);
            }
            m.safepoint();
        }
    }
    m.collect(Generation::Old);
    for slice in kept.borrow(&m) {
        assert!(slice.iter().all(|&byte| byte == slice[0]));
    }
    Ok(())
}
