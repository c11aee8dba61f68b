//! Each value is dropped once, and not before its object is dead: also where live and dead objects lie in blocks that are evacuated.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use gc_core::{Acyclic, Collect, Counted, ExternalBytes, Gc, GcCell, Heap, Mutator, Root, Slot, Trace};
use gc_tests::{
    Tested,
    heaps::{settle, under},
    ledger::{Ledger, Token},
    random::Random,
    sizes::scaled,
};

use crate::support::{PROFILES, Thing, check_all, collect_all, threads, under_each};

type Kept = Root<Vec<Gc<'static, Thing>>>;

/// Keeps some things of many, and lets others die, young and old.
fn churn(m: &mut Mutator, kept: &mut Kept, ledger: &Ledger, random: &mut Random, rounds: u64) {
    for round in 0..rounds {
        let new = m.alloc(Thing::counted(ledger));
        let things = kept.get_mut(m);
        things.push(new);
        if things.len() > 150 {
            things.retain(|_| random.below(3) == 0);
        }
        if round % 64 == 0 {
            check_all(things.iter().copied());
        }
        m.safepoint();
    }
}

/// Checks that exactly what is kept was not dropped.
fn check(heap: &Heap, m: &mut Mutator, kept: &[&Kept], ledger: &Ledger) {
    collect_all(heap, m);
    ledger.assert_none_twice();
    let lives: Vec<u64> =
        kept.iter().flat_map(|kept| kept.borrow(m).iter().map(|thing| thing.check()).collect::<Vec<_>>()).collect();
    ledger.assert_live(|number| lives.contains(&(number as u64)));
}

#[test]
fn what_dies_where_objects_move_is_dropped_once() {
    under_each(|heap, random| {
        let ledger = Ledger::default();
        let mut m = heap.attach().unwrap();
        let mut kept = m.root(Vec::<Gc<Thing>>::new());
        churn(&mut m, &mut kept, &ledger, random, scaled(400));
        check(heap, &mut m, &[&kept], &ledger);
        m.compact();
        check(heap, &mut m, &[&kept], &ledger);
        drop(kept);
        collect_all(heap, &mut m);
        ledger.assert_all_once();
    });
}

#[test]
fn what_dies_while_four_threads_promote_is_dropped_once() {
    under_each(|heap, _| {
        let ledger = Ledger::default();
        let left = parking_lot::Mutex::new(Vec::new());
        threads(heap, 4, |m, _, random| {
            let mut kept = m.root(Vec::<Gc<Thing>>::new());
            churn(m, &mut kept, &ledger, random, scaled(120));
            left.lock().push(kept);
        });
        let left = left.into_inner();
        heap.with(|m| check(heap, m, &left.iter().collect::<Vec<_>>(), &ledger)).unwrap();
        drop(left);
        heap.with(|m| collect_all(heap, m)).unwrap();
        ledger.assert_all_once();
    });
}

/// The heap ends in the middle of a marking, with blocks that were to be evacuated.
#[test]
fn what_lives_when_the_heap_ends_during_marking_is_dropped_once() {
    for profile in PROFILES {
        for rounds in [7, 60, 133] {
            let ledger = Ledger::default();
            let heap = under(profile).build().unwrap();
            let mut m = heap.attach().unwrap();
            let mut kept = m.root(Vec::<Gc<Thing>>::new());
            churn(&mut m, &mut kept, &ledger, &mut Random::new(rounds), rounds);
            // Objects that move hold the last roots and values with destructors.
            let nested = m.root(m.alloc((Thing::counted(&ledger), vec![ledger.token()])));
            m.collect(Collect::Promote);
            drop(nested);
            drop(kept);
            drop(m);
            drop(heap);
            gc_tests::heaps::wait_until("the heap has ended", || ledger.dropped() == ledger.made());
            ledger.assert_all_once();
        }
    }
}

#[derive(Trace)]
#[trace(leaf)]
struct Panics(Token);

impl Drop for Panics {
    fn drop(&mut self) {
        if self.0.number().is_multiple_of(3) {
            std::panic::panic_any(Meant);
        }
    }
}

/// What a destructor panics with. It is not printed.
struct Meant;

#[test]
fn a_destructor_that_panics_does_not_keep_others_from_their_drop() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Meant>() {
            hook(info);
        }
    }));
    under_each(|heap, random| {
        let ledger = Ledger::default();
        let mut m = heap.attach().unwrap();
        let mut kept = m.root(Vec::<Gc<Panics>>::new());
        for _ in 0..scaled(250) {
            let new = m.alloc(Panics(ledger.token()));
            let all = kept.get_mut(&m);
            all.push(new);
            if all.len() > 60 {
                all.retain(|_| random.below(2) == 0);
            }
            m.safepoint();
        }
        drop(kept);
        collect_all(heap, &mut m);
        ledger.assert_all_once();
        assert_eq!(heap.stats().drops_panicked as usize, ledger.made().div_ceil(3));
    });
}

#[derive(Trace)]
struct Everything<'gc> {
    thing: Thing,
    counted: Counted<Shared>,
    #[trace(skip)]
    external: ExternalBytes,
    root: Root<Gc<'static, Thing>>,
    #[trace(skip)]
    shared: Arc<AtomicUsize>,
    #[trace(skip)]
    lock: parking_lot::Mutex<Vec<u64>>,
    next: Slot<'gc, Everything<'gc>>,
    tokens: GcCell<Vec<Token>>,
}

#[derive(Trace)]
#[trace(acyclic)]
struct Shared(Token, u64);

/// Counts, roots, locks and reported bytes lie in objects that move.
#[test]
fn leaves_move_with_their_objects() {
    fn is_acyclic<T: Acyclic>() {}
    is_acyclic::<Shared>();
    under_each(|heap, random| {
        let ledger = Ledger::default();
        let shared = Arc::new(AtomicUsize::new(0));
        let mut m = heap.attach().unwrap();
        let mut kept = m.root(Vec::<Gc<Everything>>::new());
        let common = Counted::new(Shared(ledger.token(), 77));
        for n in 0..scaled(100) {
            let root = m.root(m.alloc(Thing::counted(&ledger)));
            let last = kept.borrow(&m).last().copied();
            let new = m.alloc(Everything {
                thing: Thing::counted(&ledger),
                counted: if n % 2 == 0 { common.clone() } else { Counted::new(Shared(ledger.token(), 77)) },
                external: m.external_bytes(100),
                root,
                shared: shared.clone(),
                lock: parking_lot::Mutex::new(vec![n; 3]),
                next: Slot::new(last),
                tokens: GcCell::new(vec![ledger.token()]),
            });
            let new = m.root(new);
            let all = kept.get_mut(&m);
            all.push(new.get(&m));
            if all.len() > 24 {
                let which = random.below(24) as usize;
                all[which].next.set(&m, None);
                all.swap_remove(which);
            }
            for one in all.iter().copied() {
                one.thing.check();
                one.root.get(&m).check();
                assert_eq!((one.counted.1, one.external.get()), (77, 100));
                let lock = one.lock.lock();
                assert!(lock.iter().all(|word| *word == lock[0]));
                one.shared.fetch_add(1, Ordering::Relaxed);
            }
            if random.below(4) == 0 {
                let one = all[random.below(all.len() as u64) as usize];
                one.tokens.borrow_mut(&m).push(ledger.token());
                one.lock.lock().extend([n; 0]);
            }
            m.safepoint();
        }
        ledger.assert_none_twice();
        all_cut(&mut m, &kept);
        drop((kept, common));
        // A root in a dead object keeps its own object for another cycle.
        for _ in 0..2 {
            collect_all(heap, &mut m);
        }
        ledger.assert_all_once();
        assert_eq!(Arc::strong_count(&shared), 1);
        assert_eq!(heap.memory_report().external, 0);
    });
}

fn all_cut(m: &mut Mutator, kept: &Root<Vec<Gc<'static, Everything<'static>>>>) {
    kept.borrow(m).iter().for_each(|one| one.next.set(m, None));
}

/// The counters are kept up to date: what they say is what is there.
#[test]
fn counters_say_what_is_there_after_objects_moved() -> Tested {
    for profile in PROFILES {
        let heap = under(profile).build()?;
        let ledger = Ledger::default();
        let mut m = heap.attach()?;
        let mut kept = m.root(Vec::<Gc<Thing>>::new());
        for round in 0..4 {
            churn(&mut m, &mut kept, &ledger, &mut Random::new(round), scaled(200));
            collect_all(&heap, &mut m);
            m.compact();
            let things = kept.borrow(&m).len();
            let (stats, report) = (heap.stats(), heap.memory_report());
            assert_eq!(stats.old_objects, things, "{profile}");
            assert_eq!(report.old_cells, 48 * things, "{profile}");
            assert_eq!(ledger.made() - ledger.dropped(), things, "{profile}");
            assert_eq!((stats.drops_pending, stats.drops_run as usize), (0, ledger.dropped()), "{profile}");
            assert_eq!(report.committed, report.young + report.old + report.large + report.pending + report.side);
            assert_eq!(report.old, report.old_empty + report.old_used);
            assert!(report.old_used >= report.old_cells + report.old_free, "{profile}: {report:?}");
            assert_eq!(report.old_used % (64 << 10), 0);
        }
    }
    Ok(())
}

/// A value that is dropped while its neighbours move, by the thread of the heap, may use the heap's handle.
#[test]
fn destructors_run_beside_moves() -> Tested {
    #[derive(Trace)]
    #[trace(leaf)]
    struct Uses(Option<(Heap, Root<Gc<'static, Thing>>)>, #[expect(dead_code)] Token);
    impl Drop for Uses {
        fn drop(&mut self) {
            if let Some((heap, root)) = self.0.take() {
                let report = heap.memory_report();
                assert!(report.old >= report.old_cells);
                drop(root);
            }
        }
    }
    let ledger = Ledger::default();
    let heap = under("compact-always,slow-marker=8,full-every=2,every-safepoint=5,verify").build()?;
    let mut m = heap.attach()?;
    for round in 0..scaled(200) {
        let held =
            m.root(m.alloc(Uses(Some((heap.clone(), m.root(m.alloc(Thing::counted(&ledger))))), ledger.token())));
        m.safepoint();
        if round % 10 == 0 {
            m.collect(Collect::Promote);
        }
        drop(held);
    }
    for _ in 0..2 {
        collect_all(&heap, &mut m);
    }
    settle(&heap);
    ledger.assert_all_once();
    assert!(heap.stats().objects_moved > 0);
    Ok(())
}
