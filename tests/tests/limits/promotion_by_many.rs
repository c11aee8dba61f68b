//! Promotion under a hard limit with nothing to spare, with several workers that each open a block per size class: there is
//! always memory for what is young, or fewer help.

use std::sync::atomic::{AtomicBool, Ordering};

use gc_core::{Collect, Gc, Root, Trace, blocking};
use gc_tests::{heaps::under, random::Random};

#[derive(Trace)]
struct Item<'gc> {
    bytes: Gc<'gc, [u8]>,
    next: Option<Gc<'gc, Item<'gc>>>,
}

fn fill(profile: &str, limit: usize, seed: u64) {
    let heap = under(profile).chunk_bytes(16 << 10).nursery_bytes(256 << 10).hard_limit(limit).build().unwrap();
    let mut m = heap.attach().unwrap();
    // Relaxed: only a flag.
    let (heap, is_met) = (&heap, &AtomicBool::new(false));
    let refused: u64 = blocking::scope(&mut m, |scope| {
        let threads: Vec<_> = (0..3_u64)
            .map(|id| {
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    let mut random = Random::new(seed + id);
                    let mut kept: Vec<(usize, Root<Gc<Item>>)> = Vec::new();
                    let mut refused = 0;
                    // Until the limit was met: how much lives at a time depends on which thread ends first.
                    let mut round = 0;
                    let least = if cfg!(debug_assertions) { 2500 } else { 6000 };
                    while round < least || (!is_met.load(Ordering::Relaxed) && round < 20 * least) {
                        round += 1;
                        // Every size class, in turn and by chance.
                        let len = (random.below(8100) >> random.below(9)) as usize;
                        let vec = vec![len as u8; len];
                        let made = m.try_alloc_slice_copy(&vec).ok().and_then(|bytes| {
                            let next = kept.last().map(|(_, root)| root.get(&m));
                            let next = if random.below(4) == 0 { next } else { None };
                            m.try_alloc(Item { bytes, next }).ok().map(|item| m.root(item))
                        });
                        match made {
                            Some(root) => kept.push((len, root)),
                            None => {
                                refused += 1;
                                is_met.store(true, Ordering::Relaxed);
                                kept.clear();
                            }
                        }
                        if random.below(50) == 0 && !kept.is_empty() {
                            kept.swap_remove(random.below(kept.len() as u64) as usize);
                        }
                        m.safepoint();
                        if random.below(300) == 0 {
                            m.collect(Collect::Young);
                        }
                    }
                    for (len, root) in &kept {
                        let item = root.get(&m);
                        assert_eq!(item.bytes.len(), *len);
                        assert!(item.bytes.iter().all(|&byte| byte == *len as u8));
                    }
                    refused
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(refused > 0, "the limit was never met: {:?}", heap.stats());
    assert!(heap.stats().memory_peak <= limit, "{:?}", heap.stats());
}

#[test]
fn what_is_young_is_promoted_at_the_least_limit() {
    fill("workers=4,verify", (3 << 20) + (128 << 10), 1);
}

#[test]
fn what_is_young_is_promoted_with_room_for_some_helpers() {
    fill("workers=4,verify", 9 << 20, 2);
}

#[test]
fn what_is_young_is_promoted_beside_survivors_that_stay() {
    fill("workers=8,promote-random,to-space-full=2,full-every=5", 6 << 20, 3);
}
