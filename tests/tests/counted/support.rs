//! What several files of this folder do.

use gc_core::{Heap, Mutator};
use gc_tests::heaps::calm;

/// On a thread without a mutator, and on one that runs one, which counts in another way.
pub fn both(mut test: impl FnMut(&Heap, Option<Mutator>)) {
    let heap = calm().build().unwrap();
    test(&heap, None);
    let m = heap.attach().unwrap();
    test(&heap, Some(m));
}
