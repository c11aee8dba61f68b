//! A nursery that has grown far from the limit is no reason to refuse an allocation where less is left.

use std::{collections::VecDeque, sync::Barrier, sync::atomic::AtomicU64, sync::atomic::Ordering, thread};

use gc_core::{Collect, Gc, Heap, Mutator, Root};
use gc_tests::heaps::calm;

const LIMIT: usize = 192 << 20;

type Page = [u64; 126];
type Pages = Root<Vec<Gc<'static, Page>>>;

/// Allocates so many bytes that live, a large part of the limit.
fn fill(m: &mut Mutator, kept: &mut Pages, bytes: usize) {
    for n in 0..bytes / 1024 {
        let page = m.alloc([n as u64; 126]);
        kept.get_mut(m).push(page);
        m.safepoint();
    }
}

/// Objects live for a while: the nursery grows to its largest size. When depends on how the threads of the heap run: it may go back once, and grow again.
fn grow(heap: &Heap, m: &mut Mutator) {
    let mut ring = m.root(VecDeque::<Gc<[u64; 6]>>::new());
    for n in 1_u64.. {
        let object = m.alloc([n; 6]);
        let ring = ring.get_mut(m);
        ring.push_back(object);
        if ring.len() > 80_000 {
            ring.pop_front();
        }
        m.safepoint();
        if n % 500_000 == 0 && n >= 4_000_000 {
            let stats = heap.stats();
            assert!(stats.memory_bytes < LIMIT);
            if stats.nursery_bytes >= 2 * heap.thresholds().nursery_bytes {
                return;
            }
            assert!(n < 40_000_000, "{} bytes", stats.nursery_bytes);
        }
    }
}

/// Allocates garbage, with a safepoint after each object. Returns how many were refused.
fn garbage(m: &mut Mutator, bytes: usize) -> u64 {
    let mut refused = 0;
    for n in 0..bytes / 136 {
        refused += u64::from(m.try_alloc([n as u64; 16]).is_err());
        m.safepoint();
    }
    refused
}

#[test]
fn mutators_that_attach_find_room() {
    let heap = calm().hard_limit(LIMIT).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept: Pages = m.root(Vec::<Gc<Page>>::new());
    fill(&mut m, &mut kept, 60 << 20);
    m.collect(Collect::Full);
    grow(&heap, &mut m);
    let (refused, start) = (AtomicU64::new(0), Barrier::new(3));
    m.blocked(|| {
        thread::scope(|scope| {
            let threads = [(); 3].map(|()| {
                scope.spawn(|| {
                    let mut m = heap.attach().unwrap();
                    m.blocked(|| start.wait());
                    refused.fetch_add(garbage(&mut m, 64 << 20), Ordering::Relaxed);
                    m.blocked(|| start.wait());
                })
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
    assert_eq!(refused.into_inner(), 0, "{:?}", heap.stats());
    assert_eq!(kept.get_mut(&m).len(), 60 << 10);
}

#[test]
fn who_has_filled_the_heap_between_collections_finds_room() {
    let heap = calm().hard_limit(LIMIT).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept: Pages = m.root(Vec::<Gc<Page>>::new());
    grow(&heap, &mut m);
    m.collect(Collect::Full);
    for _ in 0..150 {
        fill(&mut m, &mut kept, 1 << 20);
        m.collect(Collect::Promote);
    }
    assert_eq!(garbage(&mut m, 64 << 20), 0, "{:?}", heap.stats());
}

/// Without a hard limit the reservation is one: the nursery grows no further than it can be promoted there.
#[test]
fn a_small_reservation_has_room() {
    let heap = calm().reservation(128 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept: Pages = m.root(Vec::<Gc<Page>>::new());
    grow(&heap, &mut m);
    fill(&mut m, &mut kept, 44 << 20);
    assert_eq!(garbage(&mut m, 64 << 20), 0, "{:?}", heap.stats());
}
