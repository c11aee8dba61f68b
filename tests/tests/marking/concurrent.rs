//! Marking and sweeping beside the program: nothing is lost, memory stays bounded, and the end comes at any time.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use gc_core::{Collect, Event, Gc, GcCell, Heap, Level, Mutator, Root, Slot, Step, Thresholds, Trace, blocking};
use gc_tests::{
    heaps::{calm, settle, under},
    ledger::{Ledger, Token},
    random::Random,
};

/// A node of a cyclic graph, which says what it should hold.
#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    check: u64,
    edges: [Slot<'gc, Node<'gc>>; 4],
    cell: GcCell<Vec<Gc<'gc, Node<'gc>>>>,
}

const SALT: u64 = 0x9E37_79B9_7F4A_7C15;

fn node<'gc>(m: &'gc Mutator, value: u64) -> Gc<'gc, Node<'gc>> {
    let edges = [Slot::null(), Slot::null(), Slot::null(), Slot::null()];
    m.alloc(Node { value, check: value ^ SALT, edges, cell: GcCell::default() })
}

type Table = Gc<'static, [Slot<'static, Node<'static>>]>;

/// A table of live nodes that point at each other at random.
fn table(m: &mut Mutator, nodes: usize, random: &mut Random) -> Root<Table> {
    let table = m.root(m.alloc_slice_with(nodes, |_| Slot::<Node>::null()));
    for index in 0..nodes {
        replace(m, &table, index, random);
        m.safepoint();
    }
    table
}

/// Cuts a node off and puts a new one in its place, with edges from and to others, and back: cycles all over.
fn replace(m: &Mutator, table: &Root<Table>, index: usize, random: &mut Random) {
    let slots = table.get(m);
    if let Some(old) = slots[index].get() {
        // Whoever still points to it keeps it alive, but nothing behind it.
        old.edges.iter().for_each(|edge| edge.set(m, None));
        old.cell.take(m);
    }
    let new = node(m, random.below(u64::MAX));
    for edge in &new.edges {
        if let Some(other) = slots[random.below(slots.len() as u64) as usize].get() {
            edge.set(m, Some(other));
            other.edges[random.below(4) as usize].set(m, Some(new));
            if random.below(8) == 0 {
                let mut cell = other.cell.borrow_mut(m);
                cell.clear();
                cell.push(new);
            }
        }
    }
    slots[index].set(m, Some(new));
}

/// Every node that can be reached from the table within two steps is whole.
fn check(m: &Mutator, table: &Root<Table>) {
    for slot in table.get(m).iter() {
        let node = slot.get().expect("a node");
        assert_eq!(node.check, node.value ^ SALT);
        for edge in &node.edges {
            assert!(edge.get().is_none_or(|other| other.check == other.value ^ SALT));
        }
        assert!(node.cell.borrow(m).iter().all(|other| other.check == other.value ^ SALT));
    }
}

#[test]
fn steady_cyclic_churn_stays_within_its_bound() {
    const NODES: usize = 20_000;
    let thresholds = Thresholds { nursery_bytes: 256 << 10, growth_floor: 1 << 20, ..Thresholds::default() };
    let heap = calm().thresholds(thresholds).build().unwrap();
    let mut m = heap.attach().unwrap();
    let random = &mut Random::new(1);
    let table = table(&mut m, NODES, random);
    m.collect(Collect::Full);
    let before = heap.stats();
    let live = before.old_bytes;
    let mut peak = 0;
    for _ in 0..10 * NODES {
        replace(&m, &table, random.below(NODES as u64) as usize, random);
        m.safepoint();
        peak = peak.max(heap.stats().old_bytes);
    }
    check(&m, &table);
    assert!(heap.stats().collections.full > before.collections.full + 3, "{:?}", heap.stats());
    // What lives grows for a while, as nodes that left the table are still pointed to.
    m.collect(Collect::Full);
    let live = live.max(heap.stats().old_bytes);
    assert!(peak * 10 <= live * 22 + (1 << 20) * 10, "{peak} bytes of old generation for {live} live ones");
}

#[test]
fn a_slow_marker_loses_nothing_and_stays_below_the_hard_limit() {
    const LIMIT: usize = 24 << 20;
    let heap = under("slow-marker=64")
        .nursery_bytes(256 << 10)
        .thresholds(Thresholds { nursery_bytes: 256 << 10, growth_floor: 2 << 20, ..Thresholds::default() })
        .hard_limit(LIMIT)
        .build()
        .unwrap();
    let mut m = heap.attach().unwrap();
    let random = &mut Random::new(2);
    let table = table(&mut m, 10_000, random);
    for round in 0..100_000_u64 {
        replace(&m, &table, random.below(10_000) as usize, random);
        m.safepoint();
        if round % 8192 == 0 {
            check(&m, &table);
        }
    }
    check(&m, &table);
    let stats = heap.stats();
    assert!(stats.collections.full > 0, "{stats:?}");
    assert!(stats.memory_peak <= LIMIT, "{stats:?}");
}

#[test]
fn a_heap_ends_in_the_middle_of_a_cycle() {
    for round in 0..50_u64 {
        let ledger = Ledger::default();
        let heap = under(if round % 2 == 0 { "slow-marker=64" } else { "" })
            .thresholds(Thresholds { nursery_bytes: 64 << 10, growth_floor: 128 << 10, ..Thresholds::default() })
            .chunk_bytes(16 << 10)
            .build()
            .unwrap();
        let mut m = heap.attach().unwrap();
        let mut made = 0;
        let mut kept = m.root(Vec::<Gc<Token>>::new());
        // Until marking or sweeping is under way, and some further.
        for _ in 0..3000 + round * 50 {
            let token = m.alloc(ledger.token());
            made += 1;
            let list = kept.get_mut(&m);
            list.push(token);
            if list.len() > 2000 {
                list.drain(..1000);
            }
            m.safepoint();
        }
        drop((kept, m, heap));
        assert_eq!(ledger.dropped(), made, "round {round}");
    }
}

#[test]
fn a_heap_ends_while_a_thread_was_blocked_through_a_cycle() {
    let heap = under("slow-marker=64").build().unwrap();
    let (ready, go) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let there = heap.clone();
        let (ready, go) = (&ready, &go);
        scope.spawn(move || {
            let mut m = there.attach().unwrap();
            let root = m.root(m.alloc(7));
            m.blocked(|| {
                ready.wait();
                go.wait();
            });
            assert_eq!(*root.get(&m), 7);
        });
        let mut m = heap.attach().unwrap();
        m.blocked(|| ready.wait());
        let kept: Vec<_> = (0..5000).map(|n| m.root(m.alloc(n))).collect();
        m.collect(Collect::Full);
        drop(kept);
        go.wait();
        drop(m);
    });
    drop(heap);
}

#[test]
fn full_collections_asked_for_by_many_at_once_are_shared_and_whole() {
    let heap = calm().build().unwrap();
    let ledger = Ledger::default();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                for _ in 0..20 {
                    for _ in 0..100 {
                        m.alloc(ledger.token());
                    }
                    let root = m.root(m.alloc(ledger.token()));
                    m.collect(Collect::Promote);
                    drop(root);
                    blocking::barrier(&mut m, &start);
                    m.collect(Collect::Full);
                }
            });
        }
    });
    settle(&heap);
    assert_eq!(ledger.dropped(), 4 * 20 * 101);
    let full = heap.stats().collections.full;
    assert!((20..=80).contains(&full), "{full}");
}

#[test]
fn roots_and_cells_change_while_the_old_generation_is_marked() {
    let heap = under("slow-marker=64,verify").nursery_bytes(256 << 10).build().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (heap, done) = (&heap, &done);
        scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            loop {
                m.collect(Collect::Full);
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for seed in 0..2 {
            scope.spawn(move || {
                let mut m = heap.attach().unwrap();
                let random = &mut Random::new(seed);
                let table = table(&mut m, 500, random);
                for _ in 0..6000 {
                    replace(&m, &table, random.below(500) as usize, random);
                    m.safepoint();
                }
                check(&m, &table);
                done.store(true, Ordering::Relaxed);
            });
        }
    });
    let heap: &Heap = &heap;
    assert!(heap.stats().collections.full > 0);
}

#[test]
fn an_allocation_at_the_limit_sweeps_what_waits_for_it() {
    const LIMIT: usize = 16 << 20;
    let (begun, marked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let told = (begun.clone(), marked.clone());
    let heap = under("slow-marker=4096")
        .thresholds(Thresholds { nursery_bytes: 64 << 10, growth_floor: 13 << 20, ..Thresholds::default() })
        .chunk_bytes(16 << 10)
        .hard_limit(LIMIT)
        .on_event(Level::Debug, move |event| match event {
            Event::Pause { step: Step::Begin, .. } => told.0.store(true, Ordering::Relaxed),
            Event::Pause { step: Step::Finish, .. } => told.1.store(true, Ordering::Relaxed),
            _ => {}
        })
        .build()
        .unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = m.root(Vec::<Gc<[u64; 500]>>::new());
    let mut fill = |m: &mut Mutator, until: &dyn Fn(u64) -> bool| {
        kept.get_mut(m).clear();
        for pages in 0.. {
            let Ok(new) = m.try_alloc([pages; 500]) else { return pages };
            kept.get_mut(m).push(new);
            m.safepoint();
            if until(pages) {
                return pages;
            }
        }
        unreachable!("memory has an end")
    };
    // 7 MiB of garbage, and as much again as lets marking begin: not far from the limit, and below the goal, where pauses do not help.
    fill(&mut m, &|_| heap.stats().old_bytes > 7 << 20);
    fill(&mut m, &|_| begun.load(Ordering::Relaxed));
    while !marked.load(Ordering::Relaxed) {
        m.safepoint();
        thread::yield_now();
    }
    // Now it is swept, slowly.
    let pages = fill(&mut m, &|_| false);
    assert!(pages * 4096 > 6 << 20, "{pages} pages: 7 MiB that were free in all but name were not found");
}
