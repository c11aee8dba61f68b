//! What the report of a heap's memory says and what the system has backed agree. Alone in its process: its resident memory is
//! measured.

#![forbid(unsafe_code)]

use gc_core::{Collect, Gc, Heap};
use gc_tests::process::anonymous_bytes;

/// What is backed without the report knowing: stacks, thread-local memory, the allocator's.
const ELSEWHERE: usize = 4 << 20;

#[test]
fn the_report_adds_up_to_what_the_system_has_backed() {
    let before = anonymous_bytes();
    let heap = Heap::builder().hard_limit(512 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = m.root(Vec::<Gc<[u64]>>::new());
    let mut roots = Vec::new();
    for n in 0..400_000_usize {
        let len = if n % 1000 == 0 { 10_000 } else { n % 40 };
        let new = m.alloc_slice_with(len, |i| i as u64);
        if n % 2 == 0 {
            kept.get_mut(&m).push(new);
        }
        if n % 10 == 0 {
            roots.push(m.root(new));
        }
        m.safepoint();
    }
    for keep in [100, 50, 10] {
        let most = kept.borrow(&m).len() * keep / 100;
        kept.get_mut(&m).truncate(most);
        m.collect(Collect::Full);
        let report = heap.memory_report();
        // The vectors of this test are not the heap's.
        let own = kept.borrow(&m).capacity() * 8 + roots.capacity() * 8;
        let backed = anonymous_bytes() - before;
        assert!(backed <= report.committed + own + ELSEWHERE, "{backed} backed, {report:?}");
        let touched = report.old_cells + report.large_used + report.side;
        assert!(backed + ELSEWHERE >= touched, "{backed} backed, {touched} in use, {report:?}");
    }
    drop(roots);
}
