//! Objects of types that nearly always live for long are allocated old. Here most are, of every type for which that is possible: they
//! hold young objects and old ones, while the old generation is marked, swept and compacted.

use std::{sync::Barrier, thread};

use gc_core::{Collect, Gc, Heap, Mutator, Root, Slot, Trace};
use gc_tests::{
    heaps::{calm, under},
    random::Random,
    sizes::{is_full, part, scaled},
};
use parking_lot::Mutex;

use super::allocated_old_types::{Link, List, push};

/// Nothing in it changes, and nothing has to be dropped.
#[derive(Trace)]
struct Node<'gc> {
    id: u64,
    others: [Option<Gc<'gc, Node<'gc>>>; 2],
    /// A slice is allocated young.
    check: Gc<'gc, [u64]>,
}

type Table = Root<Gc<'static, [Slot<'static, Node<'static>>]>>;

const PLACES: u64 = 64;

/// What each node was made with, by number.
type Shadow = Mutex<Vec<[Option<u64>; 2]>>;

fn replace(m: &Mutator, table: &Table, shadow: &Shadow, random: &mut Random) {
    let table = table.get(m);
    let mut place = || &table[random.below(PLACES) as usize];
    let others = [place().get(), place().get()];
    let slot = place();
    let id = {
        let mut shadow = shadow.lock();
        shadow.push(others.map(|other| other.map(|other| other.id)));
        shadow.len() as u64 - 1
    };
    // The barrier has logged what was there.
    slot.set(m, Some(m.alloc(Node { id, others, check: m.alloc_slice_copy(&[!id; 3]) })));
}

/// Looks at all that is reached from a node in a few steps.
fn look(node: Gc<'_, Node<'_>>, shadow: &[[Option<u64>; 2]], steps: u32) {
    assert_eq!(&*node.check, &[!node.id; 3]);
    assert_eq!(node.others.map(|other| other.map(|other| other.id)), shadow[node.id as usize]);
    if steps > 0 {
        node.others.into_iter().flatten().for_each(|other| look(other, shadow, steps - 1));
    }
}

fn program(m: &mut Mutator, table: &Table, shadow: &Shadow, seed: u64, steps: u64) {
    let mut random = Random::new(seed);
    for step in 0..steps {
        replace(m, table, shadow, &mut random);
        if step % 3 == 0 {
            let table = table.get(m);
            table[random.below(PLACES) as usize].set(m, None);
        }
        if step % 50 == 0 {
            let table = table.get(m);
            let node = table[random.below(PLACES) as usize].get();
            node.into_iter().for_each(|node| look(node, &shadow.lock(), 5));
        }
        m.safepoint();
    }
}

fn table(m: &Mutator) -> Table {
    m.root(m.alloc_slice_with(PLACES as usize, |_| Slot::<Node>::null()))
}

fn run(profile: &str, mutators: u64, seed: u64) {
    let heap =
        under(&format!("pretenure,verify,{profile}")).chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap();
    let mut m = heap.attach().unwrap();
    let (table, shadow) = (table(&m), Shadow::default());
    let start = Barrier::new(mutators as usize);
    m.blocked(|| {
        thread::scope(|scope| {
            let threads = (0..mutators).map(|index| {
                let (heap, table, shadow, start) = (&heap, &table, &shadow, &start);
                scope.spawn(move || {
                    start.wait();
                    let mut m = heap.attach().unwrap();
                    program(&mut m, table, shadow, seed * 16 + index, scaled(500));
                })
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
    m.collect(Collect::Full);
    let shadow = shadow.into_inner();
    table.get(&m).iter().filter_map(Slot::get).for_each(|node| look(node, &shadow, 8));
    m.compact();
    table.get(&m).iter().filter_map(Slot::get).for_each(|node| look(node, &shadow, 8));
    drop(table);
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    assert_eq!(heap.stats().old_objects, 0, "{profile}");
}

#[test]
fn they_hold_what_they_were_made_with() {
    for seed in part(0..4) {
        run("every-safepoint=7", 1, seed);
        run("every-safepoint=5,promote-never", 2, seed);
        run("every-safepoint=9,promote-always,workers=2", 3, seed);
    }
}

#[test]
fn they_hold_what_they_were_made_with_while_the_heap_is_marked_and_compacted() {
    for seed in part(0..4) {
        run("every-safepoint=11,full-every=2,slow-marker=20", 1, seed);
        run("every-safepoint=6,full-every=2,slow-marker=20,promote-random,to-space-full=3", 3, seed);
        run("every-safepoint=9,full-every=2,slow-marker=40,compact-random,promote-random", 3, seed);
        run("every-safepoint=13,full-every=3,slow-marker=30,compact-always,compact-all=7", 2, seed);
        run("every-allocation=17,full-every=2,stopped,compact-random", 2, seed);
    }
}

/// A mutator that leaves has most of a block in hand. The next one goes on with it.
#[test]
fn mutators_that_leave_take_no_blocks_along() {
    let heap = under("pretenure,verify").build().unwrap();
    let (table, shadow) = {
        let m = heap.attach().unwrap();
        (table(&m), Shadow::default())
    };
    let mut random = Random::new(1);
    let mut once = |heap: &Heap| {
        let mut m = heap.attach().unwrap();
        replace(&m, &table, &shadow, &mut random);
        m.collect(Collect::Young);
        replace(&m, &table, &shadow, &mut random);
    };
    (0..10).for_each(|_| once(&heap));
    let before = heap.stats().memory_bytes;
    (0..scaled(400)).for_each(|_| once(&heap));
    let after = heap.stats().memory_bytes;
    assert!(after < before + (1 << 20), "{before} bytes, and then {after}");
}

#[test]
fn at_the_hard_limit_they_are_refused_and_come_back() {
    const LIMIT: usize = 4 << 20;
    let stress = "pretenure,verify".parse().unwrap();
    let heap = calm().stress(stress).chunk_bytes(64 << 10).nursery_bytes(256 << 10).hard_limit(LIMIT).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut made = 0_u64;
    for _ in 0..3 {
        let mut list = m.root(Vec::<Gc<[u64; 9]>>::new());
        let value = loop {
            match m.try_alloc([made; 9]) {
                Ok(page) => list.get_mut(&m).push(page),
                Err(error) => break error.into_value(),
            }
            made += 1;
            m.safepoint();
        };
        assert_eq!(value, [made; 9]);
        assert!(heap.stats().memory_bytes <= LIMIT);
        drop(list);
        m.collect(Collect::Full);
    }
    assert!(made > 30_000, "{made} objects of 80 bytes in 4 MiB, three times");
}

fn list(m: &mut Mutator, links: u64) -> List {
    let mut head = m.root(None::<Gc<Link>>);
    (0..links).for_each(|value| push(m, &mut head, value));
    head
}

/// The heap finds by itself that all links live: most of them are never copied.
#[test]
fn what_lives_for_long_is_not_copied() {
    const LINKS: u64 = 4_000_000;
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut head = list(&mut m, LINKS / 2);
    // How many collections the heap takes to learn that depends on when its marking ends.
    let first = heap.stats().objects_promoted;
    (LINKS / 2..LINKS).for_each(|value| push(&mut m, &mut head, value));
    let promoted = heap.stats().objects_promoted - first;
    assert!(promoted < LINKS / 8, "{first} and {promoted} of {} were copied", LINKS / 2);
    let mut at = head.get(&m);
    let mut sum = 0;
    while let Some(link) = at {
        sum += link.value;
        at = link.next;
    }
    assert_eq!(sum, LINKS * (LINKS - 1) / 2);
}

/// [pretenuring.bounded]: the same type dies at once from some moment on.
#[test]
fn what_does_not_live_any_more_is_allocated_young_again() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let head = list(&mut m, 1_000_000);
    let collections = || heap.stats().collections.full;
    let mut garbage = |links: u64| {
        for value in 0..links {
            m.alloc(Link { value, next: None });
            m.safepoint();
        }
    };
    garbage(128 * 200_000);
    let before = collections();
    garbage(5_000_000);
    assert_eq!(collections(), before, "no garbage becomes old");
    if is_full() {
        assert!(before < 20, "{before} full collections");
    }
    drop(head);
}
