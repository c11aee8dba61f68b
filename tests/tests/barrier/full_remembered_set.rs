//! A remembered set that fills up asks for a collection also where collections do not happen by themselves, as
//! `Heap::set_auto` says.

use gc_core::{Collect, Slot};
use gc_tests::heaps::calm;

#[test]
fn a_full_remembered_set_collects_without_auto() {
    let heap = calm().auto(false).remembered_entries(8).build().unwrap();
    let mut m = heap.attach().unwrap();
    let slots = m.root(m.alloc_slice_with(4000, |_| Slot::<u64>::null()));
    m.collect(Collect::Full);
    let before = heap.stats().collections;
    {
        let slots = slots.get(&m);
        slots.iter().for_each(|slot| slot.set(&m, Some(m.alloc(1_u64))));
    }
    m.safepoint();
    assert_ne!(heap.stats().collections, before);
}
