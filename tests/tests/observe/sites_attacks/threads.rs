//! Attacks with several threads: sessions that begin and end on some, while others allocate, make roots and collect.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use gc_core::{
    Collect, FinalizationQueue, Gc, Heap, Mutator, Root, Weak,
    observe::{
        Census, Graph,
        sites::{self, SitesConfig},
    },
};
use gc_tests::{
    heaps::{TIMEOUT, calm, settle, under},
    random::Random,
    sizes::{part, scaled},
};

use super::{EXACT, assert_nothing, live};

/// Has two threads do two things at once, many times, and checks something after each time.
fn at_once(times: u64, prepare: impl Fn(), one: impl Fn() + Sync, other: impl Fn() + Sync, check: impl Fn()) {
    let (begin, end, goes_on) = (Barrier::new(3), Barrier::new(3), AtomicBool::new(true));
    let repeat = |act: &(dyn Fn() + Sync)| {
        loop {
            begin.wait();
            if !goes_on.load(Ordering::Relaxed) {
                return;
            }
            act();
            end.wait();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| repeat(&one));
        scope.spawn(|| repeat(&other));
        let all = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..times {
                prepare();
                begin.wait();
                end.wait();
                check();
            }
        }));
        goes_on.store(false, Ordering::Relaxed);
        begin.wait();
        all.unwrap();
    });
}

/// Returns whether it is noted where a new mutator makes a root.
fn notes_places(heap: &Heap) -> bool {
    let m = heap.attach().unwrap();
    let root = m.root(1_u64);
    sites::site_of_root(&root).is_some()
}

/// The session that begins may end before its first thread goes on.
#[test]
fn a_stop_in_the_middle_of_a_start_leaves_no_places() {
    let heap = calm().build().unwrap();
    let stop = || {
        while !sites::stop(&heap) {
            thread::yield_now();
        }
    };
    let check = || {
        assert!(!sites::is_tracing(&heap));
        assert!(!notes_places(&heap), "places of roots are noted, but no session is on");
        assert_eq!(sites::tracking_bytes(&heap), 0);
    };
    at_once(scaled(20_000), || (), || assert!(sites::start(&heap, EXACT)), stop, check);
}

/// The next session may begin before the thread that ends one goes on.
#[test]
fn a_start_in_the_middle_of_a_stop_notes_places() {
    let heap = calm().build().unwrap();
    sites::start(&heap, EXACT);
    let start = || {
        while !sites::start(&heap, EXACT) {
            thread::yield_now();
        }
    };
    let check = || {
        assert!(sites::is_tracing(&heap));
        assert!(notes_places(&heap), "a session is on, but no places of roots are noted");
    };
    at_once(scaled(20_000), || (), || assert!(sites::stop(&heap)), start, check);
}

/// What a mutator holds of one object.
struct Held {
    root: Root<Gc<'static, u64>>,
    number: u64,
    weak: Option<Root<Weak<'static, u64>>>,
    /// Told to the program.
    id: Option<u64>,
}

/// Mutators, collections, starts, stops and snapshots at once.
fn everything_at_once(seed: u64, profile: &str) {
    let heap = under(profile).build().unwrap();
    let ends = AtomicBool::new(false);
    let queue = FinalizationQueue::<u64>::new(&heap);
    let registered = AtomicUsize::new(0);
    let mut finalized = thread::scope(|scope| {
        for number in 0..2 {
            let (heap, ends) = (&heap, &ends);
            scope.spawn(move || {
                let mut random = Random::new(seed * 8 + number);
                while !ends.load(Ordering::Relaxed) {
                    let sample_bytes = [0, 0, 1, 64, 4096, usize::MAX][random.below(6) as usize];
                    let config = SitesConfig { sample_bytes, frames: random.below(3) as usize, ..EXACT };
                    match random.below(8) {
                        0 | 1 => _ = sites::start(heap, config),
                        2 => _ = sites::stop(heap),
                        3 => sites::clear(heap),
                        4 => sites::reset_peak(heap),
                        5 => _ = (sites::traced_memory(heap), heap.stats().registered),
                        6 => _ = sites::tracking_bytes(heap),
                        _ => _ = heap.with(|m| sites::snapshot(m).live()),
                    }
                    thread::yield_now();
                }
            });
        }
        let mutators: Vec<_> = (0..2)
            .map(|number| {
                let (heap, queue, registered) = (&heap, &queue, &registered);
                scope.spawn(move || churn(heap, queue, registered, Random::new(seed * 8 + 4 + number)))
            })
            .collect();
        let results: Vec<_> = mutators.into_iter().map(thread::ScopedJoinHandle::join).collect();
        ends.store(true, Ordering::Relaxed);
        results.into_iter().flat_map(Result::unwrap).collect::<Vec<u64>>()
    });
    sites::stop(&heap);
    let mut m = heap.attach().unwrap();
    for _ in 0..3 {
        m.collect(Collect::Full);
        while let Some(object) = queue.poll(&m) {
            finalized.push(*object);
        }
    }
    settle(&heap);
    m.collect(Collect::Full);
    finalized.sort_unstable();
    let all = finalized.len();
    finalized.dedup();
    assert_eq!((all, finalized.len()), (registered.load(Ordering::Relaxed), all), "each is finalized once");
    assert_nothing(&heap, &m);
    assert_eq!(heap.stats().registered, 0, "all is dead, and tracking is off");
}

/// Lets go of all at the end. Returns what was finalized.
fn churn(heap: &Heap, queue: &FinalizationQueue<u64>, registered: &AtomicUsize, mut random: Random) -> Vec<u64> {
    let mut m = heap.attach().unwrap();
    let (mut held, mut finalized): (Vec<Held>, _) = (Vec::new(), Vec::new());
    for _ in 0..scaled(4000) {
        match random.below(12) {
            0..=3 => {
                let number = random.draw();
                let object = m.alloc(number);
                held.push(Held { root: m.root(object), number, weak: None, id: None });
                m.alloc_slice_with(random.below(40) as usize, |n| m.alloc(n as u8));
            }
            4 | 5 if !held.is_empty() => {
                let nth = random.below(held.len() as u64) as usize;
                let held = &mut held[nth];
                let weak = Gc::downgrade(held.root.get(&m), &m);
                match &held.weak {
                    Some(other) => assert!(Weak::ptr_eq(weak, other.get(&m)), "an object has one weak cell"),
                    None => held.weak = Some(m.root(weak)),
                }
            }
            6 if !held.is_empty() => {
                let nth = random.below(held.len() as u64) as usize;
                let held = &mut held[nth];
                let id = Gc::id(held.root.get(&m), &m);
                assert_eq!(*held.id.get_or_insert(id), id, "an identity that was told stays");
            }
            7 if !held.is_empty() => {
                let held = &held[random.below(held.len() as u64) as usize];
                if queue.register(&m, held.root.get(&m)) {
                    registered.fetch_add(1, Ordering::Relaxed);
                    // Another one may have been handed over with this number: numbers are made once.
                }
            }
            8 | 9 if !held.is_empty() => {
                let gone = held.swap_remove(random.below(held.len() as u64) as usize);
                assert_eq!(*gone.root.get(&m), gone.number);
                if let Some(weak) = &gone.weak {
                    assert!(weak.get(&m).upgrade(&m).is_some_and(|object| Gc::ptr_eq(object, gone.root.get(&m))));
                    let id = weak.get(&m).id();
                    assert!(gone.id.is_none_or(|known| Some(known) == id), "{:?} and {id:?}", gone.id);
                }
            }
            10 => {
                _ = sites::site_of_root(&m.root(1_u8));
                if let Some(held) = held.first() {
                    _ = sites::site_of(&m, held.root.get(&m));
                }
                m.safepoint();
            }
            _ => match random.below(16) {
                0 => _ = m.collect(Collect::Full),
                1 => _ = m.compact(),
                2 | 3 => _ = m.collect(Collect::Promote),
                _ => m.safepoint(),
            },
        }
        while let Some(object) = queue.poll(&m) {
            finalized.push(*object);
        }
    }
    finalized
}

#[test]
fn everything_goes_on_at_once() {
    let profiles =
        ["verify,promote-random,full-every=3", "verify,compact-random,tiny-nursery", "full-every=9", "verify,stopped"];
    for seed in part(0..4) {
        everything_at_once(seed, &format!("{},seed={seed}", profiles[seed as usize % 4]));
    }
}

/// Every allocation takes the slow path, and asks for a collection.
#[test]
fn everything_goes_on_at_once_under_stress() {
    for seed in part(0..2) {
        everything_at_once(seed + 10, "every-allocation=7,verify,promote-random,compact-random,full-every=5");
    }
}

/// Two heaps with one thread and one heap with threads that end: each heap counts its own, and what a thread made stays known.
#[test]
fn heaps_count_their_own_and_threads_leave_what_they_made() {
    let (one, other) = (under("verify").sites(EXACT).build().unwrap(), under("verify").build().unwrap());
    let mut m = one.attach().unwrap();
    other.with(|_| ()).unwrap_err();
    let mut roots = Vec::new();
    for round in 0..10 {
        m.blocked(|| {
            let made = thread::scope(|scope| {
                let made = scope.spawn(|| {
                    let foreign = other.with(|n| n.root(n.alloc([1_u8; 9]))).unwrap();
                    let made = one.with(|m| {
                        m.alloc_str("dies");
                        m.root(m.alloc([round; 3]))
                    });
                    (made.unwrap(), foreign)
                });
                made.join().unwrap()
            });
            roots.push(made);
        });
        m.collect([Collect::Promote, Collect::Full][round % 2]);
    }
    let line = sites::site_of_root(&roots[0].0).unwrap().line();
    assert!(roots.iter().all(|(root, foreign)| {
        sites::site_of_root(root).map(|site| site.line()) == Some(line) && sites::site_of_root(foreign).is_none()
    }));
    assert!(roots.iter().all(|(root, _)| sites::site_of(&m, root.get(&m)).map(|site| site.line()) == Some(line)));
    let snapshot = sites::snapshot(&m);
    assert_eq!((live(&snapshot, "[usize; 3]"), live(&snapshot, "str"), live(&snapshot, "[u8; 9]")), (10, 0, 0));
    assert!(sites::start(&other, EXACT) && sites::stop(&one));
    drop(m);
    let foreign = other.with(|n| n.root(n.alloc([1_u8; 9]))).unwrap();
    assert_eq!(other.with(|n| live(&sites::snapshot(n), "[u8; 9]")).unwrap(), 1);
    one.with(|m| assert_nothing(&one, m)).unwrap();
    drop(foreign);
}

/// Slots of roots that are used again, here and by other threads: a place is that of the root that is there, or none.
#[test]
fn a_place_is_that_of_the_root_in_the_slot() {
    let heap = under("verify").build().unwrap();
    let mut m = heap.attach().unwrap();
    fn first(m: &Mutator) -> (Root<u64>, u32) {
        (m.root(1_u64), line!())
    }
    fn second(m: &Mutator) -> (Root<u64>, u32) {
        (m.root(2_u64), line!())
    }
    fn third(m: &Mutator) -> (Root<[u64; 9]>, u32) {
        (m.root([3_u64; 9]), line!())
    }
    let check = |line: Option<u32>, place: Option<sites::Site>| assert_eq!(place.map(|site| site.line()), line);
    let mut random = Random::new(7);
    let mut untold: Vec<Root<u64>> = Vec::new();
    for round in 0..12 {
        let on = round % 3 != 0;
        if on {
            // 1 and 2 of each three rounds, in sessions of their own.
            assert!(sites::start(&heap, EXACT));
        }
        let (mut small, mut large) = (Vec::new(), Vec::new());
        for _ in 0..scaled(2000).max(500) {
            match random.below(6) {
                0 | 1 => small.push(first(&m)),
                2 => small.push(second(&m)),
                3 => large.push(third(&m)),
                4 if !small.is_empty() => drop(small.swap_remove(random.below(small.len() as u64) as usize)),
                _ => {
                    if random.below(50) == 0 {
                        m.collect([Collect::Young, Collect::Full][random.below(2) as usize]);
                    }
                }
            }
        }
        let all = |small: &[(Root<u64>, u32)], large: &[(Root<[u64; 9]>, u32)], untold: &[Root<u64>]| {
            small.iter().for_each(|(root, line)| check(on.then_some(*line), sites::site_of_root(root)));
            large.iter().for_each(|(root, line)| check(on.then_some(*line), sites::site_of_root(root)));
            untold.iter().for_each(|root| check(None, sites::site_of_root(root)));
        };
        all(&small, &large, &untold);
        // Half are dropped by another thread, which makes roots of its own; they outlive its mutator.
        let (gone, made) = (small.split_off(small.len() / 2), large.split_off(large.len() / 2));
        m.blocked(|| {
            let of_thread = thread::scope(|scope| {
                let made = scope.spawn(|| {
                    drop((gone, made));
                    let m = heap.attach().unwrap();
                    (0..400).map(|n| if n % 2 == 0 { first(&m) } else { second(&m) }).collect::<Vec<_>>()
                });
                made.join().unwrap()
            });
            small.extend(of_thread);
        });
        all(&small, &large, &untold);
        // A parked one keeps its free slots; one that was dormant, too.
        let parked = m.park();
        heap.with(|m| {
            let own = second(m);
            (0..4).for_each(|_| _ = m.collect(Collect::Full));
            small.push(own);
        })
        .unwrap();
        m = parked.enter().unwrap();
        small.extend([first(&m), second(&m)]);
        all(&small, &large, &untold);
        if on {
            assert!(sites::stop(&heap));
        }
        // Roots of an old session are not known in the next one.
        untold.extend(small.into_iter().map(|(root, _)| root).take(300));
        untold.iter().for_each(|root| check(None, sites::site_of_root(root)));
        if untold.len() > 2000 {
            untold.drain(..1000);
        }
    }
}

/// Other threads' mutators follow at their next slow path; roots that they make from slots that they found before are of unknown place, and
/// never of a wrong one.
#[test]
fn roots_of_mutators_that_follow_late_have_no_wrong_place() {
    let (heap, ends) = (calm().build().unwrap(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                let mut kept = Vec::new();
                for n in 0..scaled(100_000) {
                    let (root, line) = if n % 3 == 0 { (m.root(n), line!()) } else { (m.root(n + 1), line!()) };
                    if let Some(site) = sites::site_of_root(&root) {
                        assert_eq!(site.line(), line);
                    }
                    if n % 5 == 0 {
                        kept.push((root, line));
                    }
                    if kept.len() > 300 {
                        kept.drain(..150).for_each(|(root, line)| {
                            assert!(sites::site_of_root(&root).is_none_or(|site| site.line() == line))
                        });
                    }
                    m.safepoint();
                }
                ends.store(true, Ordering::Relaxed);
            });
        }
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                _ = (sites::start(&heap, EXACT), sites::stop(&heap));
                sites::clear(&heap);
                thread::yield_now();
            }
        });
    });
}

/// A census and a graph beside snapshots, sessions and the mutators of other threads.
#[test]
fn censuses_and_graphs_see_the_same_heap() {
    let heap = under("verify,compact-random").sites(EXACT).build().unwrap();
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                heap.with(|m| {
                    let root = m.root(m.alloc([1_u8; 33]));
                    m.safepoint();
                    assert_eq!(root.get(m)[32], 1);
                    _ = sites::snapshot(m);
                })
                .unwrap();
            }
        });
        let done = catch_unwind(AssertUnwindSafe(|| {
            let mut m = heap.attach().unwrap();
            for round in 0..scaled(40) {
                let kept: Vec<_> = (0..50_u64).map(|n| m.root(m.alloc([n; 5]))).collect();
                let line = line!() - 1;
                let census = Census::take(&mut m);
                assert_eq!((census.count::<[u64; 5]>(), live(&sites::snapshot(&m), "[u64; 5]")), (50, 50));
                let graph = Graph::take(&mut m).unwrap();
                let places = graph.roots().filter_map(|root| graph.place(root));
                assert_eq!(places.filter(|place| place.contains(&format!("{}:{line}:", file!()))).count(), 50);
                if round % 4 == 3 {
                    sites::clear(&heap);
                    assert_eq!(live(&sites::snapshot(&m), "[u64; 5]"), 0);
                    let graph = Graph::take(&mut m).unwrap();
                    let mut places = graph.roots().filter_map(|root| graph.place(root));
                    assert!(places.all(|place| !place.contains(&format!("{}:{line}:", file!()))));
                }
                drop(kept);
                m.compact();
            }
        }));
        ends.store(true, Ordering::Relaxed);
        done.unwrap();
    });
}

/// A mutator that never runs again while sessions come and go follows when it does, and counts nothing of the sessions between.
#[test]
fn a_dormant_mutator_follows_when_it_wakes() {
    let heap = under("verify").sites(EXACT).build().unwrap();
    let (ask, asked) = mpsc::channel::<bool>();
    let (answer, answers) = mpsc::channel();
    thread::scope(|scope| {
        let heap = &heap;
        scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            loop {
                m.alloc([1_u8; 21]);
                let root = m.root(m.alloc([1_u8; 22]));
                let site = sites::site_of_root(&root).is_some();
                answer.send((sites::site_of(&m, root.get(&m)).is_some(), site)).unwrap();
                if !m.blocked(|| asked.recv_timeout(TIMEOUT)).unwrap() {
                    return;
                }
            }
        });
        let mut m = heap.attach().unwrap();
        for round in 0..10 {
            let on = round % 3 != 1;
            assert_eq!(
                m.blocked(|| answers.recv_timeout(TIMEOUT)),
                Ok((round == 0 || (round - 1) % 3 != 1, round == 0 || (round - 1) % 3 != 1))
            );
            // Many pauses, so that it is dormant, with sessions between them.
            for _ in 0..20 {
                m.collect(Collect::Young);
                sites::clear(heap);
            }
            if on {
                sites::start(heap, EXACT);
            } else {
                sites::stop(heap);
            }
            m.collect(Collect::Full);
            ask.send(round < 9).unwrap();
        }
    });
}
