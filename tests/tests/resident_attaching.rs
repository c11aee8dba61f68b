//! Attaching and detaching alone does not grow. Alone in its process: its resident memory is measured.

#![forbid(unsafe_code)]
use gc_core::Heap;

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn attaching_and_detaching_does_not_grow() {
    let heap = Heap::builder().build().unwrap();
    drop(heap.attach().unwrap());
    let before = resident();
    for _ in 0..50_000 {
        let m = heap.attach().unwrap();
        let root = m.root(7_u64);
        assert_eq!(root.get(&m), 7);
    }
    let grown = resident() - before;
    assert!(grown < 16 << 20, "grown by {} MiB", grown >> 20);
}
