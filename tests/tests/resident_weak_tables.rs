//! What a weak table has held is given back to the system while nobody touches it. Alone in its process: its resident memory is measured.

#![forbid(unsafe_code)]

use std::time::Duration;

use gc_core::{Gc, Heap, Interner, Stress};
use gc_tests::{
    heaps::wait_until,
    process::{anonymous_bytes, assert_backed},
};

const MANY: u64 = 1_000_000;

/// The program does nothing after it has dropped the objects: the heap is idle, finds them dead, and the table empties and shrinks.
#[test]
fn a_million_entries_that_die_give_their_memory_back() {
    let heap = Heap::builder().stress(Stress::default()).idle_after(Duration::from_millis(100)).build().unwrap();
    let mut m = heap.attach().unwrap();
    let names = m.root(Interner::<u64>::new(&m));
    let before = anonymous_bytes();
    let mut all = m.root(Vec::<Gc<u64>>::with_capacity(MANY as usize));
    for n in 0..MANY {
        let object = names.get(&m).intern(&m, n);
        all.get_mut(&m).push(object);
        m.safepoint();
    }
    let full = anonymous_bytes() - before;
    drop(all);
    m.blocked(|| {
        let is_found = || {
            let report = heap.memory_report();
            report.old_cells < 1 << 10 && report.large_used < 1 << 20
        };
        wait_until("what the table has held is garbage, and found, and so are its tables", is_found);
        assert!(full > 100 << 20);
        assert_backed(before, 48 << 20, &format!("{full} when full, {:?}", heap.memory_report()));
    });
    assert_eq!(names.get(&m).len(), 0);
}
