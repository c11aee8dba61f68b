//! Allocation sites: what is tracked is what was allocated and lives, wherever it moves; estimates are near it; nothing grows without bound.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use gc_core::{
    Collect, Gc, Heap, Leaf, Mutator, Root, Slot, Trace, Weak,
    observe::sites::{self, Estimate, Filter, GroupBy, SitesConfig, Snapshot},
};
use gc_tests::{
    heaps::{calm, under},
    random::Random,
    sizes::{part, scaled},
};
use parking_lot::Mutex;

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Slot<'gc, Node<'gc>>,
    held: Slot<'gc, [u64]>,
}

#[derive(Trace)]
struct Dropped<'gc> {
    held: Option<Gc<'gc, Node<'gc>>>,
    boxed: Leaf<Box<u64>>,
}

/// A list: its first node and its last one.
type List = Root<(Gc<'static, Node<'static>>, Gc<'static, Node<'static>>)>;

/// The line of an allocation and the bytes of the object.
type Object = (u32, u64);

/// What the tests know themselves: every object that was allocated, and for each root those that it reaches.
#[derive(Default)]
struct Shadow {
    allocated: Vec<Object>,
    live: Vec<(Kept, Vec<Object>)>,
}

#[expect(dead_code, reason = "they keep what they hold")]
enum Kept {
    List(List),
    Dropped(Root<Gc<'static, Dropped<'static>>>),
    Text(Root<Gc<'static, str>>),
    Weak(Root<Weak<'static, Node<'static>>>),
}

fn node<'gc>(m: &'gc Mutator, number: u64, objects: &mut Vec<Object>) -> Gc<'gc, Node<'gc>> {
    objects.push((line!() + 1, 32));
    let node = m.alloc(Node { number, next: Slot::null(), held: Slot::null() });
    let len = (number % 40) as usize;
    if number.is_multiple_of(3) {
        objects.push((line!() + 1, 16 + 8 * len as u64));
        node.held.set(m, Some(m.alloc_slice_with(len, |n| n as u64)));
    } else if number % 50 == 7 {
        // A large object.
        objects.push((line!() + 1, 16 + 8 * 2000));
        node.held.set(m, Some(m.alloc_slice_copy(&[number; 2000])));
    }
    node
}

/// Does something by chance, and notes it.
fn act(m: &mut Mutator, random: &mut Random, shadow: &mut Shadow) {
    let (choice, number) = (random.below(16), random.draw());
    let mut objects = Vec::new();
    match choice {
        0..4 => {
            let node = node(m, number, &mut objects);
            let list = m.root((node, node));
            shadow.live.push((Kept::List(list), objects.clone()));
        }
        4..8 => {
            // An old object may lead to a young one from now on.
            let at = random.below(shadow.live.len().max(1) as u64) as usize;
            if let Some((Kept::List(list), known)) = shadow.live.get_mut(at) {
                let node = node(m, number, &mut objects);
                let (_, last) = list.get_mut(m);
                last.next.set(m, Some(node));
                *last = node;
                known.extend(&objects);
            }
        }
        8 => {
            let held = node(m, number, &mut objects);
            objects.push((line!() + 1, 24));
            let dropped = m.alloc_with(|| Dropped { held: Some(held), boxed: Leaf(Box::new(number)) });
            shadow.live.push((Kept::Dropped(m.root(dropped)), objects.clone()));
        }
        9 => {
            let text = "letters".repeat(number as usize % 9);
            objects.push((line!() + 1, (16 + text.len() as u64).next_multiple_of(8)));
            let text = m.alloc_str(&text);
            shadow.live.push((Kept::Text(m.root(text)), objects.clone()));
        }
        10 => {
            // Dies, though a weak reference leads to it, which is registered for other reasons.
            let dead = node(m, number, &mut objects);
            assert!(Gc::id(dead, m) > 0);
            shadow.live.push((Kept::Weak(m.root(Gc::downgrade(dead, m))), Vec::new()));
        }
        11 => drop(node(m, number, &mut objects)),
        12 | 13 if !shadow.live.is_empty() => {
            let at = random.below(shadow.live.len() as u64) as usize;
            shadow.live.swap_remove(at);
        }
        14 if number % 16 == 0 => {
            m.collect([Collect::Young, Collect::Promote, Collect::Full][number as usize / 16 % 3]);
        }
        15 if number % 64 == 0 => _ = m.compact(),
        _ => m.safepoint(),
    }
    shadow.allocated.extend(objects);
}

/// Sums objects up by their lines.
fn sums<'a>(objects: impl Iterator<Item = &'a Object>) -> BTreeMap<u32, Estimate> {
    let mut sums = BTreeMap::<_, Estimate>::new();
    for &(line, bytes) in objects {
        let sum = sums.entry(line).or_default();
        (sum.objects, sum.bytes) = (sum.objects + 1, sum.bytes + bytes);
    }
    sums
}

/// Checks that the sites of this file are in a snapshot as the shadow has them.
fn check(snapshot: &Snapshot, shadow: &Shadow, what: &str) {
    let ours = snapshot.filter(&[Filter::include().at("*observe/sites.rs")]);
    assert_eq!(ours, *snapshot, "{what}: nothing else allocates");
    let of = |estimate: fn(&sites::SiteTrace) -> Estimate| -> BTreeMap<u32, Estimate> {
        let all = ours.traces().iter().map(|trace| (trace.site().line(), estimate(trace)));
        all.filter(|(_, estimate)| estimate.objects > 0).collect()
    };
    assert_eq!(of(sites::SiteTrace::allocated), sums(shadow.allocated.iter()), "{what}: allocated");
    let live = sums(shadow.live.iter().flat_map(|(_, objects)| objects));
    assert_eq!(of(sites::SiteTrace::live), live, "{what}: live");
    assert_eq!(snapshot.traced_memory().0, snapshot.live().bytes, "{what}");
    for by in [GroupBy::Type, GroupBy::Site, GroupBy::File, GroupBy::Backtrace, GroupBy::Generation] {
        let statistics = snapshot.statistics(by);
        let bytes: u64 = statistics.iter().map(|statistic| statistic.live.bytes).sum();
        assert_eq!(bytes, snapshot.live().bytes, "{what}, {by:?}");
        let bytes: u64 = statistics.iter().map(|statistic| statistic.allocated.bytes).sum();
        assert_eq!(bytes, snapshot.allocated().bytes, "{what}, {by:?}");
    }
    let mut file = Vec::new();
    snapshot.save(&mut file).unwrap();
    assert_eq!(Snapshot::load(&*file).unwrap(), *snapshot, "{what}");
}

/// Runs programs of several threads by chance, and compares when they have ended: with what was allocated, and with what is reachable.
fn exact(profile: &str, seed: u64, mutators: u64) {
    let what = format!("{profile}, seed {seed}");
    let heap = under(&format!("{profile},seed={seed},verify"))
        .chunk_bytes(16 << 10)
        .nursery_bytes(64 << 10)
        .sites(SitesConfig::exact())
        .build()
        .unwrap();
    let mut all = Shadow::default();
    for round in 0..4 {
        let shadows = Mutex::new(Vec::new());
        thread::scope(|scope| {
            let threads = (0..mutators).map(|index| {
                let (heap, shadows) = (&heap, &shadows);
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    let mut random = Random::new(seed * 1000 + round * 100 + index);
                    let mut shadow = Shadow::default();
                    for _ in 0..scaled(600) {
                        act(&mut m, &mut random, &mut shadow);
                    }
                    // What a mutator leaves is followed as well.
                    shadows.lock().push(shadow);
                })
            });
            threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
        });
        for mut shadow in shadows.into_inner() {
            all.allocated.append(&mut shadow.allocated);
            all.live.append(&mut shadow.live);
        }
        let mut m = heap.attach().unwrap();
        // What a cycle that is under way has seen alive dies in the next one.
        m.collect(Collect::Full);
        m.collect(Collect::Full);
        check(&sites::snapshot(&m), &all, &what);
        if round == 2 {
            m.compact();
            check(&sites::snapshot(&m), &all, &what);
        }
    }
    all.live.clear();
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    check(&sites::snapshot(&m), &all, &what);
    assert_eq!(sites::traced_memory(&heap).0, 0);
    // Entries go with the objects.
    assert_eq!(heap.stats().registered, 0, "{what}");
}

/// One test for each way in which objects are moved and freed: they run at once.
mod exact_figures_are_those_of_the_program {
    use super::*;

    #[test]
    fn when_promotion_is_by_chance() {
        part(0..4).for_each(|seed| exact("promote-random", seed, 4));
    }

    #[test]
    fn when_all_is_promoted() {
        part(0..4).for_each(|seed| exact("every-safepoint=5,promote-always,full-every=3", seed, 3));
    }

    #[test]
    fn when_objects_are_evacuated() {
        let stress = "compact-random,slow-marker=20,full-every=2,every-safepoint=9";
        part(0..4).for_each(|seed| exact(stress, seed, 4));
    }

    #[test]
    fn when_to_space_is_full() {
        part(0..4).for_each(|seed| exact("promote-never,workers=2,to-space-full=3,every-safepoint=7", seed, 3));
    }

    #[test]
    fn when_the_heap_is_compacted() {
        let stress = "every-allocation=11,compact-all=4,full-every=2,every-safepoint=3";
        part(0..4).for_each(|seed| exact(stress, seed, 2));
    }
}

/// Bounds that are wide enough never to be missed by chance: six standard deviations and more.
#[test]
fn estimates_are_near_what_was_allocated() {
    const MEAN: u64 = 4096;
    let config = SitesConfig { sample_bytes: MEAN as usize, ..SitesConfig::default() };
    let heap = calm().sites(config).build().unwrap();
    let mut lines = [0; 4];
    let count = 200_000_u64;
    let kept = thread::scope(|scope| {
        let workers = [0, 1].map(|_| {
            scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                let mut kept = Vec::new();
                for n in 0..count / 2 {
                    let small = m.alloc([n; 3]);
                    if n % 4 == 0 {
                        kept.push(m.root(small));
                    }
                    m.alloc_slice_copy(&[n; 30]);
                    if n % 10 == 0 {
                        m.alloc_slice_with(500, |n| n as u64);
                    }
                    if n % 100 == 0 {
                        m.alloc([0_u64; 4000]);
                    }
                    m.safepoint();
                }
                kept
            })
        });
        lines = [-19_i32, -15, -14, -11].map(|back| (line!() as i32 + back - 7) as u32);
        workers.map(|worker| worker.join().unwrap())
    });
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    let snapshot = sites::snapshot(&m);
    let near = |found: u64, is: u64, bytes: u64, what: &str| {
        let samples = is as f64 * (1.0 - (-(bytes as f64) / MEAN as f64).exp());
        let error = (found as f64 / is as f64 - 1.0).abs();
        assert!(error < 8.0 / samples.sqrt() + 0.01, "{what}: {found} objects, not {is}, by {samples} samples");
    };
    let by_type = |name: &str| {
        let traces = snapshot.filter(&[Filter::include().of_type(name)]);
        assert!(!traces.traces().is_empty(), "{name}: {snapshot}");
        (traces.allocated(), traces.live())
    };
    let (small, live) = by_type("\\[u64; 3\\]".replace('\\', "").as_str());
    near(small.objects, count, 32, "small");
    near(live.objects, count / 4, 32, "small and live");
    assert!((small.bytes as f64 / small.objects as f64 - 32.0).abs() < 0.1);
    near(by_type("[u64; 4000]").0.objects, count / 100, 32_008, "large");
    let (slices, live) = by_type("[u64]");
    let bytes = (count * 256 + count / 10 * 4016) as f64;
    assert!((slices.bytes as f64 / bytes - 1.0).abs() < 0.1, "{slices:?} of {bytes}");
    assert_eq!(live, Estimate::default());
    let (current, peak) = sites::traced_memory(&heap);
    assert!(current == snapshot.live().bytes && peak >= current);
    assert!(lines.iter().all(|&line| line > 0));
    drop(kept);
}

/// Another session knows nothing of the one before, and threads that start and stop at any time leave nothing behind.
#[test]
fn tracking_starts_and_stops_at_any_time() {
    let heap = under("promote-random,full-every=3,compact-random,verify").nursery_bytes(256 << 10).build().unwrap();
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|seed| {
                let heap = &heap;
                scope.spawn(move || {
                    let (mut m, mut random) = (heap.attach().unwrap(), Random::new(seed));
                    let mut shadow = Shadow::default();
                    for _ in 0..scaled(20_000) {
                        act(&mut m, &mut random, &mut shadow);
                        if shadow.live.len() > 1000 {
                            shadow.live.truncate(10);
                        }
                    }
                })
            })
            .collect();
        for sample_bytes in [0, 100, 10_000] {
            let (heap, ends) = (&heap, &ends);
            scope.spawn(move || {
                while !ends.load(Relaxed) {
                    let config = SitesConfig { sample_bytes, max_samples: 500, ..SitesConfig::default() };
                    if sites::start(heap, config) {
                        thread::yield_now();
                        heap.with(|m| {
                            let snapshot = sites::snapshot(m);
                            assert!(snapshot.live() <= snapshot.allocated(), "{snapshot}");
                        })
                        .unwrap();
                        sites::clear(heap);
                    }
                    sites::stop(heap);
                    assert!(sites::traced_memory(heap).0 < 1 << 30);
                }
            });
        }
        for worker in workers {
            worker.join().unwrap();
        }
        ends.store(true, Relaxed);
    });
    sites::stop(&heap);
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    assert_eq!((heap.stats().registered, sites::tracking_bytes(&heap)), (0, 0));
    assert_eq!(sites::snapshot(&m), Snapshot::default());
}

#[test]
fn what_stops_forgets_its_samples_at_once() {
    let heap = calm().sites(SitesConfig::exact()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let old: Vec<_> = (0..5000_u64).map(|n| m.root(m.alloc(n))).collect();
    m.collect(Collect::Full);
    let young: Vec<_> = (0..5000_u64).map(|n| m.root(m.alloc(n))).collect();
    let (watched, known) = (Gc::downgrade(young[0].get(&m), &m), Gc::id(old[0].get(&m), &m));
    assert_eq!(heap.stats().registered, 10_000);
    assert!(sites::site_of(&m, old[7].get(&m)).is_some());
    assert!(sites::stop(&heap));
    // What is registered for other reasons stays so.
    assert_eq!(heap.stats().registered, 2);
    assert!(watched.upgrade(&m).is_some() && Gc::id(old[0].get(&m), &m) == known);
    assert_eq!(sites::site_of(&m, old[7].get(&m)), None);
    let before = heap.stats().side_bytes;
    m.collect(Collect::Young);
    assert!(heap.stats().side_bytes < before || before == 0);
    // A second session counts what it sees.
    sites::start(&heap, SitesConfig::exact());
    assert_eq!(sites::snapshot(&m).live(), Estimate::default());
    m.alloc(1_u64);
    assert_eq!(sites::snapshot(&m).live(), Estimate { objects: 1, bytes: 16 });
}

#[test]
fn an_object_that_is_finalized_keeps_its_site() {
    let heap = under("verify").sites(SitesConfig::exact()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let queue = gc_core::FinalizationQueue::<Node<'static>>::new(&heap);
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        let mut objects = Vec::new();
        // The second one is reached by the first one only.
        let (first, second) = (node(&m, 1, &mut objects), node(&m, 2, &mut objects));
        first.next.set(&m, Some(second));
        Gc::id(second, &m);
        queue.register(&m, first);
        let kept = m.root(first);
        if generation == Collect::Full {
            m.collect(Collect::Full);
        }
        drop(kept);
        m.collect(generation);
        let first = queue.poll(&m).expect("it is dead");
        for node in [first, first.next.get().unwrap()] {
            assert_eq!(sites::site_of(&m, node).map(|site| site.line()), Some(objects[0].0), "{generation:?}");
        }
        m.collect(Collect::Full);
        assert_eq!(sites::traced_memory(&heap).0, 0, "{generation:?}");
    }
}

#[test]
fn tables_are_bounded() {
    let config = SitesConfig { max_sites: 3, max_samples: 100, ..SitesConfig::exact() };
    let heap = under("verify").sites(config).build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept: Vec<_> = (0..1000_u64).map(|n| m.root(m.alloc(n))).collect();
    m.alloc(1_u8);
    m.alloc(1_u16);
    m.alloc(1_u32);
    let snapshot = sites::snapshot(&m);
    assert_eq!((snapshot.traces().len(), snapshot.live().objects, snapshot.allocated().objects), (3, 100, 1003));
    let others = snapshot.traces().iter().find(|trace| trace.site().is_others()).expect("not all find room");
    assert_eq!((others.type_name(), others.allocated().objects), ("(others)", 2));
    assert_eq!(snapshot.traces().iter().map(|trace| trace.lost().objects).sum::<u64>(), 903);
    // Places of roots are bounded, too: those that find no room are not known.
    assert_eq!(kept.iter().filter(|root| sites::site_of_root(root).is_some()).count(), 100);
    assert!(sites::tracking_bytes(&heap) < 100_000);
    drop(kept);
    m.collect(Collect::Full);
    // There is room again.
    m.alloc(1_u64);
    assert_eq!(sites::snapshot(&m).live(), Estimate { objects: 1, bytes: 16 });
}

#[test]
fn every_kind_of_allocation_has_the_place_of_its_caller() {
    let heap = under("verify").sites(SitesConfig::exact()).build().unwrap();
    let mut m = heap.attach().unwrap();
    macro_rules! of {
        ($($made:expr),* $(,)?) => {$(
            let (line, object) = (line!(), $made);
            let site = sites::site_of(&m, object).unwrap_or_else(|| panic!("{} is no sample", stringify!($made)));
            assert_eq!((site.line(), site.file()), (line, file!()), "{}", stringify!($made));
        )*};
    }
    of![m.alloc(1)];
    of![m.try_alloc(1).unwrap()];
    of![m.alloc_with(|| 1)];
    of![m.try_alloc_with(|| 1).unwrap()];
    of![m.alloc_slice_with(3, |n| n)];
    of![m.try_alloc_slice_with(3, |n| n).unwrap()];
    of![m.alloc_slice_from_iter([1, 2])];
    of![m.try_alloc_slice_from_iter([1, 2].into_iter()).unwrap()];
    of![m.alloc_slice_copy(&[1])];
    of![m.try_alloc_slice_copy(&[1]).unwrap()];
    of![m.alloc_str("a")];
    of![m.try_alloc_str("a").unwrap()];
    of![m.alloc_cyclic(|_| 1)];
    of![m.try_alloc_cyclic(|_| 1).unwrap()];
    of![m.alloc([0_u64; 5000])];
    of![m.alloc_slice_copy(&[0_u64; 5000])];
    let (line, root) = (line!(), m.root_slice_copy(&[1; 3]));
    assert_eq!(sites::site_of(&m, root.get(&m)).map(|site| site.line()), Some(line));
    assert_eq!(sites::site_of_root(&root).map(|site| site.line()), Some(line));
    let (line, root) = (line!(), m.try_root_slice_copy(&vec![1; 3 << 20]).unwrap());
    assert_eq!(sites::site_of(&m, root.get(&m)).map(|site| site.line()), Some(line));
    let ephemeron = line!() + 1;
    let _ = gc_core::Ephemeron::new(&m, root.get(&m), m.alloc(1));
    assert_eq!(sites::snapshot(&m).filter(&[Filter::include().line(ephemeron)]).allocated().objects, 2);
    for trace in sites::snapshot(&m).traces() {
        assert!(trace.site().file() == file!(), "{}", trace.site());
    }
    m.collect(Collect::Full);
}

fn with_root(heap: &Heap) -> (u32, Root<u8>) {
    heap.with(|m| (line!(), m.root(7_u8))).unwrap()
}

/// Slots are used again, by the same thread, by others, after a mutator has gone, and in another session.
#[test]
fn a_root_has_the_place_where_it_was_made() {
    let heap = under("promote-random,verify").build().unwrap();
    let mut before = heap.attach().unwrap();
    let unknown: Vec<_> = (0..100).map(|n| before.root(n)).collect();
    for round in 0..3 {
        assert!(sites::start(&heap, SitesConfig::default()));
        let m = &mut before;
        let (line, inline) = (line!(), m.root(1));
        let (boxed_line, boxed) = (line!(), m.root(vec![m.alloc(1)]));
        let (cloned_line, cloned) = (line!(), boxed.clone_in(m));
        let check = |root: &Root<u64>, line| assert_eq!(sites::site_of_root(root).map(|site| site.line()), line);
        for turn in 0..scaled(500) {
            let (a, first) = (line!(), m.root(turn));
            let (b, second) = (line!(), m.root(turn));
            check(&first, Some(a));
            drop(first);
            let (c, third) = (line!(), m.root(turn));
            check(&third, Some(c));
            thread::scope(|scope| _ = scope.spawn(move || check(&second, Some(b))));
            if turn % 100 == 0 {
                m.collect(Collect::Young);
            }
        }
        assert_eq!(sites::site_of_root(&inline).map(|site| site.line()), Some(line));
        assert_eq!(sites::site_of_root(&boxed).map(|site| site.line()), Some(boxed_line));
        assert_eq!(sites::site_of_root(&cloned).map(|site| site.line()), Some(cloned_line));
        // The first mutator lets the second one attach.
        let left = m.blocked(|| thread::scope(|scope| scope.spawn(|| with_root(&heap)).join().unwrap()));
        let (line, left) = left;
        assert_eq!(sites::site_of_root(&left).map(|site| site.line()), Some(line), "round {round}");
        assert!(unknown.iter().all(|root| sites::site_of_root(root).is_none()));
        sites::stop(&heap);
        assert_eq!(sites::site_of_root(&inline), None);
        let not_tracked: Vec<_> = (0..1000).map(|n| m.root(n)).collect();
        assert!(not_tracked.iter().all(|root| sites::site_of_root(root).is_none()));
    }
}

#[test]
fn snapshots_are_compared_by_what_has_changed() {
    let heap = calm().sites(SitesConfig::exact()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let gone = m.root(m.alloc([1_u64; 9]));
    let before = sites::snapshot(&m);
    drop(gone);
    let grown: Vec<_> = (0..10_u8).map(|n| m.root(m.alloc(n))).collect();
    m.collect(Collect::Full);
    let after = sites::snapshot(&m);
    let diffs = after.compare_to(&before, GroupBy::Type);
    let found: Vec<_> = diffs.iter().map(|diff| (&*diff.key, diff.objects_diff, diff.bytes_diff)).collect();
    assert_eq!(found, [("u8", 10, 160), ("[u64; 9]", -1, -80)]);
    assert_eq!((diffs[0].allocated_objects_diff, diffs[1].allocated_objects_diff), (10, 0));
    let back = before.compare_to(&after, GroupBy::Type);
    assert_eq!((back[0].objects_diff, back[0].live.objects), (-10, 0));
    assert!(after.compare_to(&after, GroupBy::Site).iter().all(|diff| diff.bytes_diff == 0));
    let by_generation = after.statistics(GroupBy::Generation);
    assert_eq!((&*by_generation[0].key, by_generation[0].live.objects), ("generation 2", 10));
    drop(grown);
}
