//! What a compaction has emptied goes back to the system, and stays away. Alone in its process: its resident memory is measured.

#![forbid(unsafe_code)]

use gc_core::{Collect, Gc, Mutator, Root, Slot};
use gc_tests::{
    heaps::calm,
    process::{anonymous_bytes, assert_backed},
    random::Random,
};

type Kept = Root<Vec<Gc<'static, [u64]>>>;

const NURSERY: usize = 4 << 20;

/// The most objects.
const MOST: usize = 4 << 20;

/// 200 MiB of old objects of these sizes, of which one in a thousand stays, at random.
fn sparse(m: &mut Mutator, words: impl Fn(usize) -> usize) -> Kept {
    // In the heap: what a vector has freed stays with the allocator.
    let all = m.root(m.alloc_slice_with(MOST, |_| Slot::<[u64]>::null()));
    let mut kept: Kept = m.root(Vec::<Gc<[u64]>>::new());
    let mut random = Random::new(3);
    let mut bytes = 0;
    for n in 0..MOST {
        let new = m.alloc_slice_with(words(n), |_| n as u64);
        all.get(m)[n].set(m, Some(new));
        if random.below(1000) == 0 {
            kept.get_mut(m).push(new);
        }
        m.safepoint();
        bytes += 16 + 8 * words(n);
        if bytes > 200 << 20 {
            break;
        }
    }
    m.collect(Collect::Promote);
    kept
}

#[test]
fn a_compaction_gives_back_all_but_what_lives() {
    for by in [1, 2] {
        let before = anonymous_bytes();
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        // One size, and forty.
        let kept = sparse(&mut m, |n| if by == 1 { 6 } else { n * 7919 % 40 * 6 });
        let report = m.compact();
        let live = heap.memory_report().old_cells;
        let most = live + live / 2 + 2 * NURSERY;
        assert_backed(before, most, &format!("{live} live, {report:?}"));
        assert!(kept.borrow(&m).iter().all(|slice| slice.iter().all(|&word| word == slice[0])));
    }
}
