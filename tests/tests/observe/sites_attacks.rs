//! Attacks on the tracking of allocation sites: nothing that a safe program does makes its figures wrong, changes an identity, keeps entries that
//! are of no more use, or hangs.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use gc_core::{
    Collect, FinalizationQueue, Gc, GcCell, Heap, Later, Level, Mutator, Trace,
    observe::{
        Census,
        sites::{self, GroupBy, SitesConfig, Snapshot},
    },
};
use gc_tests::{
    heaps::{calm, settle, under, wait_until},
    random::Random,
    runs::Runs,
    sizes::{part, scaled},
};

mod threads;

const EXACT: SitesConfig = SitesConfig { sample_bytes: 0, frames: 0, max_sites: 1 << 14, max_samples: 1 << 20 };

/// Returns how many objects of a type are live, by name.
fn live(snapshot: &Snapshot, of: &str) -> u64 {
    let types = snapshot.statistics(GroupBy::Type);
    types.iter().find(|statistic| statistic.key == of).map_or(0, |statistic| statistic.live.objects)
}

fn allocated(snapshot: &Snapshot, of: &str) -> u64 {
    let types = snapshot.statistics(GroupBy::Type);
    types.iter().find(|statistic| statistic.key == of).map_or(0, |statistic| statistic.allocated.objects)
}

/// Checks that all is forgotten.
fn assert_nothing(heap: &Heap, m: &Mutator) {
    assert!(!sites::is_tracing(heap));
    assert_eq!((sites::traced_memory(heap), sites::tracking_bytes(heap)), ((0, 0), 0));
    assert_eq!(sites::snapshot(m), Snapshot::default());
}

#[derive(Trace, Clone, Copy)]
struct Nothing;

#[derive(Trace, Clone, Copy)]
#[repr(align(64))]
struct Aligned(u8);

#[derive(Trace, Clone, Copy)]
#[repr(align(4096))]
struct Page(u8);

/// Returns the line of a site in this file.
fn line_of(site: Option<sites::Site>) -> Option<u32> {
    site.filter(|site| site.file() == file!()).map(|site| site.line())
}

type Cell<'gc> = GcCell<Option<Gc<'gc, Nothing>>>;

/// Each kind of object is counted once, at the line that asked for it, with the bytes that it has.
#[test]
fn every_way_to_allocate_is_counted_once_where_it_was() {
    for profile in ["verify", "every-allocation=1,verify,promote-always", "tiny-nursery,verify,compact-always"] {
        let heap = under(profile).sites(EXACT).build().unwrap();
        let mut m = heap.attach().unwrap();
        let (mut roots, mut line) = (Vec::<Box<dyn std::any::Any>>::new(), line!() + 10);
        macro_rules! make {
            ($($make:expr;)*) => { $({
                let root = m.root($make);
                line += 1;
                assert_eq!(line_of(sites::site_of(&m, root.get(&m))), Some(line));
                roots.push(Box::new(root));
                m.safepoint();
            })* };
        }
        make! {
            m.alloc(1_u64);
            m.try_alloc(2_u64).unwrap();
            m.alloc_with(|| [3_u64; 3]);
            m.try_alloc_with(|| 4_u8).unwrap();
            m.alloc(Nothing);
            m.alloc_slice_copy(&[Nothing; 1000]);
            m.alloc(Aligned(1));
            m.alloc_slice_copy(&[Aligned(2); 9]);
            m.alloc(Page(1));
            m.alloc_slice_copy(&[Page(2); 3]);
            m.alloc_slice_with(0, |_| 0_u64);
            m.alloc_slice_with(100_000, |n| n as u64);
            m.alloc_slice_from_iter(0..10_u16);
            m.try_alloc_slice_from_iter(0..10_u16).unwrap();
            m.alloc_slice_copy(&[1_u8; 17]);
            m.alloc_slice_copy(&vec![1_u8; 1 << 20]);
            m.try_alloc_slice_copy(&[1_u32; 7]).unwrap();
            m.alloc_str("");
            m.try_alloc_str("abc").unwrap();
            m.alloc_cyclic(|_: Later<'_, u64>| 7);
            m.alloc(Runs::new(|| ()));
            m.alloc(Cell::new(None));
        }
        let copy = m.root_slice_copy(&vec![1_u64; 1 << 18]);
        assert_eq!(sites::site_of(&m, copy.get(&m)).map(|site| site.line()), Some(line!() - 1));
        m.collect(Collect::Full);
        m.compact();
        let snapshot = sites::snapshot(&m);
        let counts = Census::take(&mut m);
        for count in counts.types().iter().filter(|count| count.live.objects > 0) {
            assert_eq!(live(&snapshot, count.name), count.live.objects as u64, "{}", count.name);
        }
        drop((roots, copy));
        m.collect(Collect::Full);
        m.collect(Collect::Full);
        settle(&heap);
        m.collect(Collect::Full);
        assert_eq!(sites::snapshot(&m).live().objects, 0);
        assert_eq!((sites::traced_memory(&heap).0, heap.stats().registered), (0, 0));
    }
}

/// Closures and iterators that panic, lie, or start and stop tracking while their object is made.
#[test]
fn what_is_not_made_is_not_counted() {
    let heap = under("verify").sites(EXACT).build().unwrap();
    let mut m = heap.attach().unwrap();
    fn fails<R>(act: impl FnOnce() -> R) {
        assert!(catch_unwind(AssertUnwindSafe(act)).is_err());
    }
    struct Lies(usize, std::ops::Range<u32>);
    impl Iterator for Lies {
        type Item = u32;
        fn next(&mut self) -> Option<u32> {
            self.1.next()
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (self.0, Some(self.0))
        }
    }
    impl ExactSizeIterator for Lies {}

    fails(|| _ = m.alloc_with(|| -> [u64; 5] { panic!() }));
    fails(|| _ = m.alloc_with(|| -> [u64; 100_000] { panic!() }));
    fails(|| _ = m.alloc_slice_with(50_000, |n| if n == 40_000 { panic!() } else { n as u64 }));
    fails(|| _ = m.alloc_slice_with(5, |n| if n == 4 { panic!() } else { n as u64 }));
    fails(|| _ = m.alloc_slice_from_iter(Lies(8, 0..7)));
    fails(|| _ = m.alloc_slice_from_iter(Lies(80_000, 0..7)));
    fails(|| _ = m.alloc_cyclic(|_: Later<'_, [u64; 6]>| -> [u64; 6] { panic!() }));
    fails(|| _ = m.alloc_slice_with(usize::MAX / 8, |_| 1_u64));
    let snapshot = sites::snapshot(&m);
    for of in ["[u64; 5]", "[u64; 100000]", "[u64]", "[u32]", "[u64; 6]"] {
        assert_eq!(allocated(&snapshot, of), 0, "{of}");
    }
    // More elements than it says: they are left.
    assert_eq!(*m.alloc_slice_from_iter(Lies(3, 0..7)), [0, 1, 2]);

    // In the middle of an object, large or not, of an array and of what is nested.
    let toggle = || assert!(sites::stop(&heap) && sites::start(&heap, EXACT));
    for _ in 0..100 {
        let one = m.alloc_with(|| {
            toggle();
            [1_u64; 7]
        });
        let large = m.alloc_slice_with(20_000, |n| {
            if n == 10_000 {
                toggle();
                m.alloc(1_u16);
            }
            n as u64
        });
        assert_eq!((sites::site_of(&m, one), sites::site_of(&m, large)), (None, None), "of sessions that have ended");
        let nested = m.alloc_with(|| {
            sites::stop(&heap);
            let inner = m.alloc_with(|| {
                sites::start(&heap, EXACT);
                [2_u8; 40]
            });
            let last = m.alloc([3_u8; 41]);
            assert!(sites::site_of(&m, inner).is_none() && sites::site_of(&m, last).is_some());
            (inner, last)
        });
        assert_eq!((nested.0[39], nested.1[40], large[19_999], one[6]), (2, 3, 19_999, 1));
        m.safepoint();
    }
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    assert_eq!((sites::snapshot(&m).live().objects, heap.stats().registered), (0, 0));
}

/// Settings at their limits: no overflow, no more records and samples than that, and the program goes on as without.
#[test]
fn settings_may_be_anything() {
    let all = [
        SitesConfig { sample_bytes: 1, ..EXACT },
        SitesConfig { sample_bytes: usize::MAX, ..EXACT },
        SitesConfig { sample_bytes: usize::MAX / 2 + 1, frames: usize::MAX, ..EXACT },
        SitesConfig { frames: 255, ..EXACT },
        SitesConfig { max_sites: 0, max_samples: 0, ..EXACT },
        SitesConfig { max_sites: 1, max_samples: 1, ..EXACT },
        SitesConfig { max_sites: usize::MAX, max_samples: usize::MAX, frames: 1, ..EXACT },
    ];
    for config in all {
        for profile in ["verify", "every-allocation=1,verify"] {
            let heap = under(profile).sites(config).build().unwrap();
            let mut m = heap.attach().unwrap();
            let kept: Vec<_> = (0..200)
                .map(|n| {
                    m.safepoint();
                    m.root(m.alloc([n; 3]))
                })
                .collect();
            let large = m.root(m.alloc_slice_copy(&vec![1_u64; 50_000]));
            m.collect(Collect::Full);
            let snapshot = sites::snapshot(&m);
            assert!(snapshot.traces().len() <= config.max_sites.max(1), "{config:?}");
            if config.sample_bytes <= 1 {
                let lost = snapshot.traces().iter().map(|trace| trace.lost().objects).sum::<u64>();
                let (live, all) = (snapshot.live().objects, snapshot.allocated().objects);
                assert_eq!((live, all), (201 - lost, 201), "{config:?}");
                assert_eq!(live, 201.min(config.max_samples as u64));
                assert_eq!(snapshot.live().bytes, sites::traced_memory(&heap).0);
            } else {
                assert_eq!(snapshot.allocated().objects, 0);
            }
            assert!(heap.stats().registered <= config.max_samples.min(201));
            let mut file = Vec::new();
            snapshot.save(&mut file).unwrap();
            assert_eq!(Snapshot::load(&*file).unwrap(), snapshot);
            drop((kept, large));
            m.collect(Collect::Full);
            m.collect(Collect::Full);
            assert_eq!((sites::snapshot(&m).live().objects, heap.stats().registered), (0, 0));
        }
    }
}

/// Identities, weak references, watchers and finalizers of samples, while sessions begin and end.
#[test]
fn what_hangs_on_an_object_stays_when_its_sample_goes() {
    for profile in ["verify", "verify,compact-always,full-every=2", "verify,promote-always,every-allocation=3"] {
        let heap = under(profile).sites(EXACT).build().unwrap();
        let mut m = heap.attach().unwrap();
        let queue = FinalizationQueue::<[u64; 2]>::new(&heap);
        const COUNT: u64 = 300;
        let objects: Vec<_> = (0..COUNT).map(|n| m.root(m.alloc([n; 2]))).collect();
        let mut ids = vec![None; COUNT as usize];
        let mut weak = Vec::new();
        for (n, object) in objects.iter().enumerate() {
            match n % 4 {
                0 => ids[n] = Some(Gc::id(object.get(&m), &m)),
                1 => weak.push((n, m.root(Gc::downgrade(object.get(&m), &m)))),
                2 => assert!(queue.register(&m, object.get(&m))),
                _ => {}
            }
        }
        for round in 0..6 {
            match round {
                0 | 3 => assert!(sites::stop(&heap)),
                1 | 4 => assert!(sites::start(&heap, EXACT)),
                _ => sites::clear(&heap),
            }
            let known = objects.iter().map(|object| sites::site_of(&m, object.get(&m))).filter(Option::is_some).count();
            assert_eq!(known, 0, "they are older than the session");
            // Three quarters: those with an identity, a weak cell or a queue.
            if round % 3 == 0 {
                // And one of another round that a collection has not met yet.
                assert_eq!(heap.stats().registered, COUNT as usize * 3 / 4 + usize::from(round > 0));
            }
            m.collect([Collect::Young, Collect::Promote, Collect::Full][round % 3]);
            // Other objects, which are samples, get numbers of their own.
            let other = m.alloc([round; 2]);
            let other = Gc::id(other, &m);
            for (n, object) in objects.iter().enumerate() {
                if n % 4 == 0 {
                    assert_eq!(Some(Gc::id(object.get(&m), &m)), ids[n]);
                }
                assert_ne!(Some(other), ids[n]);
            }
            for (n, weak) in &weak {
                let object = weak.get(&m).upgrade(&m).unwrap();
                assert!(Gc::ptr_eq(object, objects[*n].get(&m)) && object[1] == *n as u64);
                assert_eq!(*ids[*n].get_or_insert(weak.get(&m).id().unwrap()), weak.get(&m).id().unwrap());
            }
        }
        let mut numbers: Vec<_> = ids.iter().flatten().collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len() as u64, COUNT / 2, "no identity is given twice");
        drop(objects);
        m.collect(Collect::Full);
        sites::clear(&heap);
        m.collect(Collect::Full);
        assert!(weak.iter().all(|(_, weak)| weak.get(&m).is_dead(&m)));
        let mut handed = Vec::new();
        while let Some(object) = queue.poll(&m) {
            handed.push(object[0]);
        }
        handed.sort_unstable();
        assert!(handed.iter().copied().eq((0..COUNT).filter(|n| n % 4 == 2)), "{handed:?}");
        sites::stop(&heap);
        drop(weak);
        m.collect(Collect::Full);
        m.collect(Collect::Full);
        assert_eq!(heap.stats().registered, 0);
        assert_nothing(&heap, &m);
    }
}

/// A sample of an object that is handed over lives as long as the object does, and is found by what finalizes it.
#[test]
fn a_sample_outlives_the_finalization_of_its_object() {
    let heap = under("verify").sites(EXACT).build().unwrap();
    let mut m = heap.attach().unwrap();
    let queue = FinalizationQueue::<u64>::new(&heap);
    let line = line!() + 1;
    queue.register(&m, m.alloc(7));
    for round in 0..6 {
        m.collect(if round == 0 { Collect::Promote } else { Collect::Full });
        let object = queue.poll(&m).unwrap();
        assert_eq!(sites::site_of(&m, object).map(|site| site.line()), Some(line), "round {round}");
        assert_eq!(live(&sites::snapshot(&m), "u64"), 1);
        queue.register(&m, object);
    }
    m.collect(Collect::Full);
    queue.poll(&m).unwrap();
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    assert_eq!((live(&sites::snapshot(&m), "u64"), heap.stats().registered), (0, 0));
}

/// From destructors, event hooks, callbacks, observers of pressure, `Heap::with` and `blocked`.
#[test]
fn tracking_may_be_switched_wherever_the_program_runs() {
    let (send, heaps) = mpsc::channel::<Heap>();
    let (own, heaps) = (parking_lot::Mutex::new(None::<Heap>), parking_lot::Mutex::new(heaps));
    let told = Arc::new(AtomicUsize::new(0));
    let toggle = |heap: &Heap| {
        sites::stop(heap);
        sites::clear(heap);
        sites::start(heap, EXACT);
        sites::clear(heap);
        _ = (sites::traced_memory(heap), sites::tracking_bytes(heap), sites::config(heap));
    };
    let heap = under("verify,full-every=2")
        .on_event(Level::Debug, {
            let told = told.clone();
            move |_| {
                let mut own = own.lock();
                if own.is_none() {
                    *own = heaps.lock().try_recv().ok();
                }
                if let Some(heap) = &*own {
                    toggle(heap);
                    told.fetch_add(1, Ordering::Relaxed);
                    if told.load(Ordering::Relaxed) > 20 {
                        // The hook would keep the heap.
                        *own = None;
                    }
                }
            }
        })
        .build()
        .unwrap();
    send.send(heap.clone()).unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let mut m = heap.attach().unwrap();
    for round in 0..60 {
        let (of_destructor, there) = (ran.clone(), heap.clone());
        m.alloc(Runs::new(move || {
            toggle(&there);
            of_destructor.fetch_add(1, Ordering::Relaxed);
        }));
        let of_callback = ran.clone();
        m.on_death(m.alloc(round), move |m| {
            let heap = m.heap();
            toggle(&heap);
            m.alloc([2_u64; 4]);
            toggle(&heap);
            of_callback.fetch_add(1, Ordering::Relaxed);
        });
        m.collect([Collect::Young, Collect::Full][round % 2]);
        m.run_callbacks();
        m.blocked(|| {
            toggle(&heap);
            heap.with(|m| {
                toggle(&heap);
                let object = m.alloc(1_u8);
                assert!(sites::config(&heap).is_none() || Gc::as_ref(object) == &1);
            })
            .unwrap();
        });
    }
    m.blocked(|| settle(&heap));
    m.run_callbacks();
    assert_eq!(ran.load(Ordering::Relaxed), 120);
    wait_until("the hook was called", || {
        m.collect(Collect::Young);
        told.load(Ordering::Relaxed) > 20
    });
    sites::stop(&heap);
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    assert_nothing(&heap, &m);
    assert_eq!(heap.stats().registered, 0);
}

/// At the hard limit what is refused is not counted, and tracking can be switched and read.
#[test]
fn at_the_hard_limit_what_is_refused_is_not_counted() {
    for config in [EXACT, SitesConfig { sample_bytes: 1, frames: 3, ..EXACT }] {
        let heap =
            calm().chunk_bytes(64 << 10).nursery_bytes(256 << 10).hard_limit(8 << 20).sites(config).build().unwrap();
        let mut m = heap.attach().unwrap();
        for _ in 0..3 {
            let (mut kept, mut count) = (m.root(Vec::<Gc<[u64; 30]>>::new()), 0);
            while let Ok(new) = m.try_alloc([1; 30]) {
                kept.get_mut(&m).push(new);
                count += 1;
                m.safepoint();
            }
            assert!(m.try_alloc_slice_copy(&vec![1_u64; 2 << 20]).is_err());
            m.collect(Collect::Full);
            assert_eq!(live(&sites::snapshot(&m), "[u64; 30]"), count);
            assert_eq!(live(&sites::snapshot(&m), "[u64]"), 0);
            sites::clear(&heap);
            assert!(sites::stop(&heap) && sites::start(&heap, config));
            assert_eq!(live(&sites::snapshot(&m), "[u64; 30]"), 0);
            drop(kept);
            m.collect(Collect::Full);
            m.collect(Collect::Full);
            assert_eq!(sites::snapshot(&m).live().objects, 0);
        }
    }
}

/// Neither the table nor what tracking takes grows with what was allocated, or with sessions.
#[test]
fn what_tracking_takes_does_not_grow() {
    let heap = under("").sites(EXACT).build().unwrap();
    let mut m = heap.attach().unwrap();
    let turn = |m: &mut Mutator, session: bool| {
        let roots: Vec<_> = (0..500).map(|n| m.root(m.alloc(n))).collect();
        m.alloc_slice_with(500, |n| m.alloc(n));
        drop(roots);
        if session {
            sites::clear(&heap);
        }
        m.collect(Collect::Full);
        assert!(heap.stats().registered <= 1, "{} entries", heap.stats().registered);
        sites::tracking_bytes(&heap)
    };
    let least = (0..20).map(|_| turn(&mut m, false)).max().unwrap();
    for round in 0..scaled(400) {
        let bytes = turn(&mut m, round % 2 == 0);
        assert!(bytes <= least + (64 << 10), "{bytes} bytes after round {round}, {least} at first");
    }
}

/// A program of random steps, whose live objects are counted by itself.
#[test]
fn counts_are_those_of_the_program() {
    for seed in part(0..12) {
        let mut random = Random::new(seed + 100);
        let heap = Heap::builder().stress(gc_core::Stress::random(seed)).build().unwrap();
        let mut m = heap.attach().unwrap();
        // Each with the number of the session in which it was made.
        let (mut small, mut slices, mut session) = (Vec::new(), Vec::new(), 0);
        for _ in 0..scaled(3000) {
            match random.below(40) {
                0..=14 => small.push((m.root(m.alloc([7_u32; 6])), session)),
                15..=22 => {
                    let len = if random.below(20) == 0 { 30_000 } else { random.below(60) };
                    slices.push((m.root(m.alloc_slice_with(len as usize, |n| n as u64)), session, 16 + 8 * len));
                }
                23..=28 if !small.is_empty() => _ = small.swap_remove(random.below(small.len() as u64) as usize),
                29..=34 if !slices.is_empty() => _ = slices.swap_remove(random.below(slices.len() as u64) as usize),
                35 => {
                    sites::stop(&heap);
                    session = if random.below(2) == 0 { 0 } else { session.max(1) + 1 };
                    if session > 0 {
                        session += 1000 * random.below(1000);
                        assert!(sites::start(&heap, EXACT));
                    }
                }
                36 => _ = m.collect([Collect::Young, Collect::Promote][random.below(2) as usize]),
                37 => _ = m.compact(),
                38 if random.below(4) == 0 => {
                    m.collect(Collect::Full);
                    let snapshot = sites::snapshot(&m);
                    let own = small.iter().filter(|held| held.1 == session && session > 0).count() as u64;
                    let of_slices = || slices.iter().filter(|held| held.1 == session && session > 0);
                    let bytes = of_slices().map(|held| held.2).sum::<u64>();
                    assert_eq!(
                        (live(&snapshot, "[u32; 6]"), live(&snapshot, "[u64]")),
                        (own, of_slices().count() as u64)
                    );
                    assert_eq!(snapshot.live().bytes, own * 32 + bytes, "seed {seed}");
                    assert_eq!(sites::traced_memory(&heap).0, snapshot.live().bytes);
                    assert_eq!(heap.stats().registered as u64, own + of_slices().count() as u64);
                }
                _ => m.safepoint(),
            }
        }
    }
}
