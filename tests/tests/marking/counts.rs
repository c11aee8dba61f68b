//! What a sweep finds dead is counted as soon as it is found.

use std::{collections::BTreeSet, sync::mpsc, thread};

use gc_core::{Collect, Event, Level, Step, Trace};
use gc_tests::{
    Tested,
    heaps::{settle, under, wait_until},
    ledger::{Ledger, Token},
};

/// The marker kept up to 256 KiB of the dead to itself, which no figure knew of until the sweep was over.
#[test]
fn what_is_found_dead_is_pending_before_the_sweep_is_over() -> Tested {
    /// Of one size class, so that each block has some of both.
    #[derive(Trace)]
    struct Ballast([u64; 121]);
    #[derive(Trace)]
    struct Counted([u64; 119], Token);
    let heap = under("slow-marker=1000").build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    let objects: Vec<_> = (0..20_000)
        .map(|n| {
            m.safepoint();
            let counted = || m.root(m.alloc(Counted([n; 119], ledger.token())));
            (m.root(m.alloc(Ballast([n; 121]))), (n % 100 == 0).then(counted))
        })
        .collect();
    // Afterwards no cycle is under way that growth has begun: its end would be taken for that of the next.
    m.collect(Collect::Full);
    assert!(objects.iter().flat_map(|(_, counted)| counted).all(|counted| counted.get(&m).1.number() < 200));
    assert_eq!(objects[7].0.get(&m).0[0] + objects[700].1.as_ref().map_or(0, |counted| counted.get(&m).0[0]), 707);
    drop(objects);
    let (before, other) = (heap.stats().collections, heap.clone());
    let seen = m.blocked(|| {
        let collector = thread::spawn(move || {
            let mut m = other.attach().expect("a free thread");
            m.collect(Collect::Full);
        });
        let mut seen = BTreeSet::new();
        wait_until("the full collection is over", || {
            let stats = heap.stats();
            let over = stats.collections.full != before.full;
            if !over {
                seen.insert(stats.drops_pending as u64 + stats.drops_run);
            }
            over
        });
        collector.join().expect("no panic");
        seen
    });
    assert!(seen.len() > 3, "values were counted at {seen:?} while the sweep went on");
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}

/// An allocation that was refused is promised a full collection by the next safepoint. One that another mutator began meanwhile took the
/// promise away, and had freed nothing yet when that safepoint was over.
#[test]
fn a_refused_allocation_waits_for_the_full_collection_that_another_began() -> Tested {
    const LIMIT: usize = 32 << 20;
    let (send, begun) = mpsc::channel();
    let heap = under("slow-marker=10")
        .hard_limit(LIMIT)
        .auto(false)
        .on_event(Level::Debug, move |event| {
            if let Event::Pause { step: Step::Begin, .. } = event {
                let _ = send.send(());
            }
        })
        .build()?;
    let mut m = heap.attach()?;
    // Something to mark, slowly.
    let _live = m.root(m.alloc_slice_with(20_000, |n| m.alloc(n)));
    let mut kept = Vec::new();
    let large = || vec![0_u64; 8 << 10];
    while let Ok(object) = m.try_alloc_slice_copy(&large()) {
        kept.push(m.root(object));
        m.collect(Collect::Promote);
    }
    drop(kept);
    let other = heap.clone();
    let collector = m.blocked(|| {
        let collector = thread::spawn(move || {
            let mut m = other.attach().expect("a free thread");
            m.collect(Collect::Full);
        });
        begun.recv().expect("the hook lives");
        collector
    });
    m.safepoint();
    assert!(m.try_alloc_slice_copy(&large()).is_ok(), "what was promised is kept");
    m.blocked(|| collector.join()).expect("no panic");
    Ok(())
}
