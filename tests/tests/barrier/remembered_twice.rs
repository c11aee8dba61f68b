//! Several mutators store first young values into the same old slots and cells at once, so that places are remembered more than
//! once, and several workers meet the same place in one pause.

use std::{sync::Barrier, thread};

use gc_core::{Collect, Gc, GcCell, Root, Slot, Trace};
use gc_tests::{heaps::under, random::Random};

const THREADS: u64 = 4;
const SLOTS: usize = 600;
const ROUNDS: u64 = if cfg!(debug_assertions) { 7 } else { 30 };

#[derive(Trace)]
struct Leaf<'gc> {
    value: u64,
    check: Gc<'gc, [u64]>,
    up: Slot<'gc, Leaf<'gc>>,
}

#[derive(Trace)]
struct Table<'gc> {
    slots: Gc<'gc, [Slot<'gc, Leaf<'gc>>]>,
    cell: GcCell<Vec<Option<Gc<'gc, Leaf<'gc>>>>>,
}

fn whole(leaf: Gc<'_, Leaf<'_>>) {
    assert_eq!(&*leaf.check, &[!leaf.value; 5]);
}

fn race(profile: &str, slots: usize) {
    let heap = under(profile).chunk_bytes(16 << 10).nursery_bytes(64 << 10).remembered_entries(64).build().unwrap();
    let mut m = heap.attach().unwrap();
    let table: Root<Gc<Table>> = m.root(
        m.alloc(Table { slots: m.alloc_slice_with(slots, |_| Slot::null()), cell: GcCell::new(vec![None; slots]) }),
    );
    m.collect(Collect::Full);
    let start = Barrier::new(THREADS as usize);
    m.blocked(|| {
        thread::scope(|scope| {
            let run = |id: u64| {
                let (heap, table, start) = (&heap, &table, &start);
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    let mut random = Random::new(id);
                    for round in 0..ROUNDS {
                        m.blocked(|| start.wait());
                        {
                            let table = table.get(&m);
                            for index in 0..slots {
                                let value = round << 32 | id << 24 | index as u64;
                                let leaf =
                                    m.alloc(Leaf { value, check: m.alloc_slice_copy(&[!value; 5]), up: Slot::null() });
                                let slot = &table.slots[index];
                                if let Some(old) = slot.get() {
                                    whole(old);
                                    leaf.up.set(&m, if random.below(4) == 0 { Some(old) } else { None });
                                }
                                match random.below(4) {
                                    0 => slot.set(&m, None),
                                    1 if index % 16 == 0 => table.cell.borrow_mut(&m)[index] = Some(leaf),
                                    _ => {}
                                }
                                slot.set(&m, Some(leaf));
                                if random.below(3) == 0 {
                                    slot.set(&m, None);
                                    slot.set(&m, Some(leaf));
                                }
                            }
                        }
                        m.safepoint();
                        if random.below(8) == 0 {
                            m.collect(Collect::Young);
                        }
                        let table = table.get(&m);
                        table.slots.iter().filter_map(Slot::get).for_each(|leaf| {
                            whole(leaf);
                            if let Some(up) = leaf.up.get() {
                                whole(up);
                            }
                        });
                        table.cell.borrow(&m).iter().flatten().copied().for_each(whole);
                    }
                })
            };
            let threads: Vec<_> = (0..THREADS).map(run).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
    let stats = heap.stats();
    assert!(stats.collections.young + stats.collections.promote > 0, "{stats:?}");
}

#[test]
fn places_in_a_large_object_that_are_remembered_twice_are_updated_once() {
    race("workers=4,verify", 3 * SLOTS);
}

#[test]
fn places_in_a_small_object_whatever_is_promoted() {
    race("workers=3,promote-random,to-space-full=5,verify", SLOTS);
}

#[test]
fn places_that_stay_remembered_for_ever() {
    race("workers=3,promote-never,full-every=7,verify", SLOTS);
}
