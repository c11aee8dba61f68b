//! Many regions in hand: whatever mutators hold when a pause comes can be promoted, and at the limit a refusal is an error that the
//! next safepoint mends.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use gc_core::{Collect, Gc, Heap, Mutator, Root, blocking};
use gc_tests::{
    heaps::{calm, under},
    sizes::scaled,
};

const BYTES: usize = 900;

fn fill(m: &Mutator, n: u64, count: usize) -> Vec<Root<Gc<'static, [u64; BYTES / 8]>>> {
    let mut kept = Vec::new();
    while kept.len() < count {
        let Ok(object) = m.try_alloc([n; BYTES / 8]) else { break };
        kept.push(m.root(object));
    }
    kept
}

/// So many mutators fill a region each, and wait for each other with it in hand. Then everything is promoted at once.
fn all_promoted(heap: &Heap, mutators: usize, least: usize) {
    let (filled, checked) = (Barrier::new(mutators + 1), Barrier::new(mutators + 1));
    let refused = AtomicU64::new(0);
    let mut m = heap.attach().unwrap();
    blocking::scope(&mut m, |scope| {
        for n in 0..mutators as u64 {
            let (filled, checked, refused) = (&filled, &checked, &refused);
            let small = thread::Builder::new().stack_size(128 << 10);
            let run = move || {
                let mut m = heap.attach().unwrap();
                for _ in 0..3 {
                    // 16 KiB and more of what lives, in objects of one class.
                    let kept = fill(&m, n, 19);
                    if kept.len() < 19 {
                        refused.fetch_add(1, Ordering::Relaxed);
                        assert!(kept.len() >= least, "{}", kept.len());
                    }
                    blocking::barrier(&mut m, filled);
                    blocking::barrier(&mut m, checked);
                    kept.iter().for_each(|root| assert!(root.get(&m).iter().all(|&found| found == n)));
                }
            };
            small.spawn_scoped(scope, run).unwrap();
        }
        scope.spawn(|| {
            let mut m = heap.attach().unwrap();
            for generation in [Collect::Promote, Collect::Full, Collect::Young] {
                blocking::barrier(&mut m, &filled);
                m.collect(generation);
                blocking::barrier(&mut m, &checked);
            }
        });
    });
}

#[test]
fn what_a_thousand_regions_hold_can_be_promoted() {
    let heap = under("verify").build().unwrap();
    all_promoted(&heap, scaled(1000) as usize, 19);
}

#[test]
fn what_hundreds_of_regions_hold_at_the_limit_can_be_promoted() {
    let limits = [14, 18, 24, 32, 48];
    for limit in &limits[..scaled(limits.len() as u64) as usize] {
        let heap = under("verify,promote-always").hard_limit(limit << 20).build().unwrap();
        all_promoted(&heap, 300, 0);
        let heap = calm().hard_limit(limit << 20).auto(false).build().unwrap();
        all_promoted(&heap, 300, 0);
    }
}
