//! What a burst of allocation took goes back to the system, and stays away. Alone in its process: its resident memory is measured.

#![forbid(unsafe_code)]

use gc_core::{Collect, Gc, Mutator, Root};
use gc_tests::{
    heaps::{calm, settle},
    process::{anonymous_bytes, assert_backed},
};

type Kept = Root<Vec<Gc<'static, [u64]>>>;

/// So many MiB of old objects, of many sizes.
fn objects(m: &mut Mutator, mib: usize) -> Kept {
    let mut kept: Kept = m.root(Vec::<Gc<[u64]>>::new());
    let mut bytes = 0;
    for n in 0.. {
        let len = n * 7919 % 250;
        let object = m.alloc_slice_with(len, |i| i as u64);
        kept.get_mut(m).push(object);
        m.safepoint();
        bytes += len * 8 + 16;
        if bytes >= mib << 20 {
            break;
        }
    }
    m.collect(Collect::Promote);
    kept
}

const NURSERY: usize = 4 << 20;

/// A burst of 500 MiB beside so many MiB that live. `before` is what was backed before there was a heap.
fn spike(before: usize, mib: usize) {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = objects(&mut m, mib);
    drop(objects(&mut m, 500));
    for _ in 0..3 {
        m.collect(Collect::Full);
    }
    settle(&heap);
    let live = heap.memory_report().live;
    let most = live + live / 2 + 2 * NURSERY;
    assert_backed(before, most, &format!("{live} live"));
    drop(kept);
}

#[test]
fn what_a_spike_took_goes_back_and_stays_away() {
    let before = anonymous_bytes();
    spike(before, 32);
}
