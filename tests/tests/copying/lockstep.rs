//! Two halves of one array point to the same objects in the same order, so that two workers go through them in step and copy the
//! same ones at the same time: both halves have the same object afterwards, whole.

use gc_core::{Collect, Gc, Root, Slot};
use gc_tests::heaps::under;

type Body = [u64; 500];

fn step(profile: &str, objects: usize) {
    let rounds = if cfg!(debug_assertions) { 10 } else { 60 };
    let heap = under(profile).chunk_bytes(1 << 20).nursery_bytes(64 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    for round in 0..rounds {
        let all: Root<Gc<[Slot<Body>]>> = {
            let made: Vec<_> = (0..objects).map(|n| m.alloc([n as u64 ^ round; 500])).collect();
            m.root(m.alloc_slice_with(2 * objects, |n| Slot::new(Some(made[n % objects]))))
        };
        for _ in 0..2 {
            m.collect(Collect::Young);
            let all = all.get(&m);
            for n in 0..objects {
                let (one, other) = (all[n].get().unwrap(), all[n + objects].get().unwrap());
                assert!(Gc::ptr_eq(one, other), "object {n} of round {round} is there twice");
                assert!(one.iter().all(|&word| word == n as u64 ^ round));
            }
        }
    }
    assert!(heap.stats().bytes_by_helpers > 0, "nobody helped");
}

#[test]
fn two_workers_in_step_make_one_copy() {
    step("workers=2", 2048);
}

#[test]
fn four_workers_in_step_make_one_copy_where_all_is_promoted() {
    step("workers=4,promote-always", 2048);
}
