//! What an object that is allocated old may hold beside a `Gc`: weak references, ephemerons, a `Later`, and pointers in memory that it
//! owns and never frees. And who may be gone or at rest when its blocks are closed: a mutator that is kept, parked, dormant or detached.

use std::{mem::ManuallyDrop, sync::Barrier, thread};

use gc_core::{Collect, Ephemeron, FinalizationQueue, Gc, Heap, Later, Mutator, Root, Slot, Trace, Weak};
use gc_tests::{
    heaps::under,
    random::Random,
    sizes::{part, scaled},
};

/// It is plain: to drop it does nothing.
#[derive(Trace)]
struct Holder<'gc> {
    id: u64,
    strong: Option<Gc<'gc, Holder<'gc>>>,
    /// To what `strong` leads to, and to anything.
    weak: Weak<'gc, Holder<'gc>>,
    other: Weak<'gc, Holder<'gc>>,
    /// With `strong` as its key.
    pair: Option<Ephemeron<'gc, Holder<'gc>, [u64]>>,
    later: Option<Later<'gc, u64>>,
    /// Its memory is leaked.
    owned: ManuallyDrop<Vec<Option<Gc<'gc, Holder<'gc>>>>>,
    ids: [Option<u64>; 3],
}

type Table = Root<Gc<'static, [Slot<'static, Holder<'static>>]>>;

const PLACES: u64 = 32;

fn table(m: &Mutator) -> Table {
    m.root(m.alloc_slice_with(PLACES as usize, |_| Slot::<Holder>::null()))
}

fn replace<'gc>(
    m: &'gc Mutator,
    table: &'gc Table,
    random: &mut Random,
    id: u64,
    queue: &FinalizationQueue<Holder<'static>>,
) {
    let table = table.get(m);
    let mut any = || table[random.below(PLACES) as usize].get();
    let (strong, other, owned) = (any(), any(), [any(), any(), any()]);
    // Chains end.
    let strong = if id.is_multiple_of(4) { None } else { strong };
    let owned = if id.is_multiple_of(3) { [None; 3] } else { owned };
    let dangling = Weak::dangling();
    let later = id.is_multiple_of(5).then(|| {
        let mut kept = None;
        m.alloc_cyclic(|later| {
            kept = Some(later);
            id
        });
        kept.unwrap()
    });
    let holder = m.alloc(Holder {
        id,
        strong,
        weak: strong.map_or(dangling, |strong| Gc::downgrade(strong, m)),
        other: other.map_or(dangling, |other| Gc::downgrade(other, m)),
        pair: strong.map(|strong| Ephemeron::new(m, strong, m.alloc_slice_copy(&[!strong.id; 3]))),
        later,
        owned: ManuallyDrop::new(owned.to_vec()),
        ids: owned.map(|owned| owned.map(|owned| owned.id)),
    });
    if id.is_multiple_of(7) {
        queue.register(m, holder);
    }
    table[random.below(PLACES) as usize].set(m, Some(holder));
}

fn look<'gc>(m: &'gc Mutator, holder: Gc<'gc, Holder<'gc>>, steps: u32) {
    assert!(holder.id < 1 << 40, "{:x}", holder.id);
    let found = holder.weak.upgrade(m);
    assert_eq!(found.map(|found| found.id), holder.strong.map(|strong| strong.id));
    if let Some(other) = holder.other.upgrade(m) {
        assert!(other.id < 1 << 40);
    }
    if let (Some(pair), Some(strong)) = (holder.pair, holder.strong) {
        assert!(pair.key(m).is_some_and(|key| Gc::ptr_eq(key, strong)));
        assert_eq!(pair.value(m).as_deref(), Some(&[!strong.id; 3][..]));
    }
    look_at_strong(holder, 1);
    if steps > 0 {
        holder.strong.into_iter().for_each(|strong| look(m, strong, steps - 1));
        holder.owned.iter().flatten().for_each(|&owned| look(m, owned, steps - 1));
    }
}

fn look_at_strong(holder: Gc<'_, Holder<'_>>, steps: u32) {
    assert!(holder.id < 1 << 40, "{:x}", holder.id);
    if let Some(later) = holder.later {
        assert_eq!(later.get().as_deref(), Some(&holder.id));
    }
    for (owned, id) in holder.owned.iter().zip(holder.ids) {
        assert_eq!(owned.map(|owned| owned.id), id);
    }
    if steps > 0 {
        holder.strong.into_iter().for_each(|strong| look_at_strong(strong, steps - 1));
        holder.owned.iter().flatten().for_each(|&owned| look_at_strong(owned, steps - 1));
    }
}

fn program(m: &mut Mutator, table: &Table, queue: &FinalizationQueue<Holder<'static>>, seed: u64, steps: u64) {
    let mut random = Random::new(seed);
    for step in 0..steps {
        replace(m, table, &mut random, seed << 20 | step, queue);
        if step % 2 == 0 {
            table.get(m)[random.below(PLACES) as usize].set(m, None);
        }
        if step % 20 == 0 {
            let place = table.get(m)[random.below(PLACES) as usize].get();
            place.into_iter().for_each(|holder| look(m, holder, 3));
            // Weak references to what it leads to may be cleared: that was dead, too.
            queue.poll(m).into_iter().for_each(|holder| look_at_strong(holder, 3));
        }
        m.safepoint();
    }
}

fn run(profile: &str, mutators: u64, seed: u64) {
    let heap =
        under(&format!("pretenure,verify,{profile}")).chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap();
    let mut m = heap.attach().unwrap();
    let (table, queue, start) = (table(&m), FinalizationQueue::new(&heap), Barrier::new(mutators as usize));
    m.blocked(|| {
        thread::scope(|scope| {
            let threads = (0..mutators).map(|index| {
                let (heap, table, queue, start) = (&heap, &table, &queue, &start);
                scope.spawn(move || {
                    start.wait();
                    let mut m = heap.attach().unwrap();
                    program(&mut m, table, queue, seed * 16 + index, scaled(300));
                })
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
    for _ in 0..2 {
        table.get(&m).iter().filter_map(Slot::get).for_each(|holder| look(&m, holder, 4));
        m.collect(Collect::Full);
        m.compact();
    }
}

#[test]
fn all_kinds_of_pointers_hold() {
    for seed in part(0..2) {
        run("every-safepoint=7", 1, seed);
        run("every-safepoint=5,promote-never", 2, seed);
        run("every-safepoint=11,full-every=2,slow-marker=20", 1, seed);
        run("every-safepoint=6,full-every=2,slow-marker=20,promote-random,to-space-full=3", 3, seed);
        run("every-safepoint=9,full-every=2,slow-marker=20,compact-random,promote-random", 2, seed);
        run("every-safepoint=13,full-every=3,slow-marker=30,compact-always,compact-places=5", 2, seed);
        run("every-safepoint=13,full-every=3,slow-marker=30,compact-always", 1, seed);
        run("every-allocation=17,full-every=2,stopped,compact-always", 2, seed);
    }
}

/// Kept, parked and dormant mutators have blocks in hand while others collect.
#[test]
fn mutators_at_rest_leave_their_blocks_to_pauses() {
    for profile in ["full-every=3,slow-marker=10,compact-always", "full-every=2,stopped,compact-random", ""] {
        let heap: Heap = under(&format!("pretenure,verify,{profile}")).chunk_bytes(16 << 10).build().unwrap();
        let mut m = heap.attach().unwrap();
        let (table, queue) = (table(&m), FinalizationQueue::new(&heap));
        let rounds = scaled(12);
        let step = Barrier::new(4);
        m.blocked(|| {
            thread::scope(|scope| {
                let kept = scope.spawn(|| {
                    for round in 0..rounds {
                        heap.with(|m| program(m, &table, &queue, round, 5)).unwrap();
                        step.wait();
                    }
                });
                let parked = scope.spawn(|| {
                    let mut parked = heap.attach().unwrap().park();
                    for round in 0..rounds {
                        parked.with(|m| program(m, &table, &queue, 100 + round, 5)).unwrap();
                        step.wait();
                    }
                });
                // Another one each time, which detaches with a run in hand, or while it panics.
                let detached = scope.spawn(|| {
                    for round in 0..rounds {
                        let result = thread::spawn({
                            let heap = heap.clone();
                            move || {
                                let mut m = heap.attach().unwrap();
                                m.collect(Collect::Young);
                                let object = m.alloc([round; 5]);
                                assert!(object[0].is_multiple_of(2), "as it is to be");
                            }
                        })
                        .join();
                        assert_eq!(result.is_err(), round % 2 == 1);
                        step.wait();
                    }
                });
                let collecting = scope.spawn(|| {
                    let mut m = heap.attach().unwrap();
                    for round in 0..rounds {
                        // So often that those which are at rest fall dormant.
                        for nth in 0..8 {
                            program(&mut m, &table, &queue, 1000 + 8 * round + nth, 10);
                            m.collect(if nth == 5 { Collect::Full } else { Collect::Young });
                        }
                        m.blocked(|| step.wait());
                    }
                });
                for thread in [kept, parked, detached, collecting] {
                    thread.join().unwrap();
                }
            });
        });
        m.collect(Collect::Full);
        table.get(&m).iter().filter_map(Slot::get).for_each(|holder| look(&m, holder, 4));
        m.compact();
        table.get(&m).iter().filter_map(Slot::get).for_each(|holder| look(&m, holder, 4));
    }
}
