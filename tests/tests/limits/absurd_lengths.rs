//! Refused allocations, absurd lengths, zero-sized elements.

use core::marker::PhantomData;
use gc_core::{Collect, Gc, Heap};
use gc_tests::heaps::TIMEOUT;

/// refused bytes are counted as allocated; the sum overflows (a panic where an error was promised).
#[test]
fn refused_allocations_are_errors_however_many() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    for _ in 0..100 {
        assert!(m.try_alloc_slice_with(isize::MAX as usize / 16, |_| 0_u64).is_err());
    }
    assert!(m.counts().young_bytes < 1 << 30, "{}", m.counts().young_bytes);
}

/// a slice of zero-sized traced elements is traced element by element: this collection never ends.
#[test]
fn a_slice_of_many_phantoms_is_collected() {
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let heap = Heap::builder().build().unwrap();
        let mut m = heap.attach().unwrap();
        static MANY: [PhantomData<u8>; usize::MAX] = [PhantomData; usize::MAX];
        let root = m.root(m.alloc_slice_copy(&MANY[..]));
        m.collect(Collect::Full);
        let slice: Gc<[PhantomData<u8>]> = root.get(&m);
        assert_eq!(slice.len(), usize::MAX);
        done.send(()).unwrap();
    });
    wait.recv_timeout(TIMEOUT).unwrap();
}
