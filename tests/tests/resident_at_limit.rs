//! What is given back near the hard limit stays away, though it lies between blocks in use. Alone in its process: its resident
//! memory is measured.

#![forbid(unsafe_code)]

use gc_core::{Collect, Gc, Mutator, Root};
use gc_tests::{
    heaps::calm,
    process::{PageJoiner, anonymous_bytes},
};

type Kept = Root<Vec<Gc<'static, [u64]>>>;

const LIMIT: usize = 128 << 20;
/// What is backed without the heap's knowing: stacks, thread-local memory, the allocator's.
const ELSEWHERE: usize = 4 << 20;

/// 96 MiB of old objects, of which a fourth is kept: about one block in four.
fn sparse(m: &mut Mutator) -> Kept {
    let mut kept: Kept = m.root(Vec::<Gc<[u64]>>::new());
    let mut all: Kept = m.root(Vec::<Gc<[u64]>>::new());
    for n in 0..96 << 10 {
        let object = m.alloc_slice_copy(&[7_u64; 125]);
        if n % 512 < 128 {
            kept.get_mut(m).push(object);
        }
        all.get_mut(m).push(object);
        m.safepoint();
    }
    m.collect(Collect::Promote);
    kept
}

#[test]
fn what_is_given_back_at_the_limit_stays_away() {
    let before = anonymous_bytes();
    let heap = calm().hard_limit(LIMIT).build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = sparse(&mut m);
    m.collect(Collect::Full);
    let large = m.root(m.alloc_slice_with(7 << 20, |n| n as u64));
    let backed = || anonymous_bytes() - before;
    assert!(backed() <= LIMIT + ELSEWHERE, "{} backed", backed());
    if let Some(joiner) = PageJoiner::hasten() {
        joiner.wait_for_scans();
        let report = heap.memory_report();
        assert!(backed() <= LIMIT + ELSEWHERE, "{} backed after pages were joined, {report:?}", backed());
    }
    drop((kept, large));
}
