//! An attack on the promise that what is young can be promoted, where it is counted by size class: sizes that shift, many
//! mutators, GC workers, survivors that stay young, and a limit that is met all the time. A pause that finds no block panics, and
//! the process aborts.

use gc_core::{Collect, Gc, Root, Trace, blocking};
use gc_tests::{
    heaps::under,
    random::Random,
    sizes::{is_full, scaled},
};

#[derive(Trace)]
struct Item<'gc> {
    bytes: Gc<'gc, [u8]>,
    other: Option<Gc<'gc, [u128]>>,
    next: Option<Gc<'gc, Item<'gc>>>,
}

struct Attack {
    profile: &'static str,
    limit: usize,
    chunk: usize,
    threads: u64,
    seed: u64,
}

impl Attack {
    fn run(&self) {
        let heap = under(self.profile).chunk_bytes(self.chunk).nursery_bytes(self.chunk * 4).hard_limit(self.limit);
        let heap = &heap.build().unwrap();
        let mut m = heap.attach().unwrap();
        let refused: u64 = blocking::scope(&mut m, |scope| {
            let threads: Vec<_> = (0..self.threads).map(|id| scope.spawn(move || self.thread(heap, id))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(refused > 0 || !is_full(), "the limit was never met: {:?}", heap.stats());
        assert!(heap.stats().memory_peak <= self.limit, "{:?}", heap.stats());
    }

    fn thread(&self, heap: &gc_core::Heap, id: u64) -> u64 {
        let mut m = heap.attach().unwrap();
        let mut random = Random::new(self.seed + id);
        let mut kept: Vec<(usize, Root<Gc<Item>>)> = Vec::new();
        let mut refused = 0;
        for step in 0..scaled(if cfg!(debug_assertions) { 6000 } else { 40_000 }) {
            // One class for a while, then another: free cells of the first are no room for the second.
            let shift = (step / 700 + id) % 7;
            let len = match random.below(4) {
                0 => random.below(8100) >> random.below(9),
                _ => 40 << shift,
            } as usize;
            let made = m.try_alloc_slice_copy(&vec![len as u8; len]).ok().and_then(|bytes| {
                // Between the two a chunk may be retired, with the first object in it.
                let other = (random.below(3) == 0)
                    .then(|| m.try_alloc_slice_with(random.below(5) as usize, |n| n as u128).ok());
                let next = kept.last().filter(|_| random.below(4) == 0).map(|(_, root)| root.get(&m));
                m.try_alloc_with(|| Item { bytes, other: other.flatten(), next }).ok().map(|item| m.root(item))
            });
            match made {
                Some(root) => kept.push((len, root)),
                None => {
                    refused += 1;
                    // At times everything, at times a few.
                    let keep = if random.below(8) == 0 { 0 } else { kept.len() - kept.len().min(20) };
                    while kept.len() > keep {
                        kept.swap_remove(random.below(kept.len() as u64) as usize);
                    }
                }
            }
            if random.below(6) == 0 && !kept.is_empty() {
                kept.swap_remove(random.below(kept.len() as u64) as usize);
            }
            if random.below(5) != 0 {
                m.safepoint();
            }
            if random.below(400) == 0 {
                m.collect([Collect::Young, Collect::Promote, Collect::Full][random.below(3) as usize]);
            }
        }
        for (len, root) in &kept {
            let item = root.get(&m);
            assert!(item.bytes.len() == *len && item.bytes.iter().all(|&byte| byte == *len as u8));
            assert!(item.other.is_none_or(|other| other.iter().enumerate().all(|(n, value)| *value == n as u128)));
        }
        refused
    }
}

#[test]
fn what_is_young_is_promoted_while_classes_shift() {
    Attack { profile: "verify", limit: 4 << 20, chunk: 16 << 10, threads: 1, seed: 1 }.run();
    Attack { profile: "", limit: 8 << 20, chunk: 64 << 10, threads: 1, seed: 2 }.run();
}

#[test]
fn what_is_young_is_promoted_by_many_workers_for_many_mutators() {
    Attack { profile: "workers=4", limit: 6 << 20, chunk: 16 << 10, threads: 6, seed: 3 }.run();
    Attack { profile: "workers=8,verify", limit: 12 << 20, chunk: 16 << 10, threads: 3, seed: 4 }.run();
}

#[test]
fn what_is_young_is_promoted_beside_survivors_that_stay_young() {
    Attack { profile: "workers=4,promote-never", limit: 6 << 20, chunk: 16 << 10, threads: 3, seed: 5 }.run();
    Attack { profile: "promote-random,to-space-full=3", limit: 5 << 20, chunk: 32 << 10, threads: 2, seed: 6 }.run();
    Attack {
        profile: "workers=3,promote-random,full-every=3,slow-marker=50",
        limit: 6 << 20,
        chunk: 16 << 10,
        threads: 3,
        seed: 7,
    }
    .run();
}
