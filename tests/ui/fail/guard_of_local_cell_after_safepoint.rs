//! The guard of a cell that is no object's: it ends before the next safepoint all the same, as a stop frees every lock.

use gc_core::{GcCell, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cell = GcCell::new(1_u64);
    let guard = cell.borrow(&m);
    m.safepoint();
    assert_eq!(*guard, 1);
}
