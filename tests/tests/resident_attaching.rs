//! Attaching and detaching alone does not grow. Alone in its process: its resident memory is measured.

#![forbid(unsafe_code)]
use gc_core::Heap;
use gc_tests::process::resident_bytes;

#[test]
fn attaching_and_detaching_does_not_grow() {
    let heap = Heap::builder().build().unwrap();
    drop(heap.attach().unwrap());
    let before = resident_bytes();
    for _ in 0..50_000 {
        let m = heap.attach().unwrap();
        let root = m.root(7_u64);
        assert_eq!(root.get(&m), 7);
    }
    let grown = resident_bytes() - before;
    assert!(grown < 16 << 20, "grown by {} MiB", grown >> 20);
}
