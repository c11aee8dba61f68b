//! Attacks on what looks inside: pictures and counts at bad moments, of bad values, from bad places. A look must not read what is dead or
//! has moved, must find what the program made, and must not tell what the program keeps in it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock, atomic::AtomicBool, atomic::Ordering},
    thread,
};

use gc_core::{
    Collect, Counted, Ephemeron, FinalizationQueue, Gc, GcCell, Heap, Level, Mutator, Slot, Trace, Weak, blocking,
    collections::{BTreeMap as GcBTreeMap, HashMap as GcHashMap},
    observe::{Census, Graph, Timeline, assert_no_growth, assert_none_left},
};
use gc_tests::{
    heaps::{calm, settle, under},
    random::Random,
    sizes::scaled,
};
use parking_lot::Mutex;

/// A value that owns and shares memory of each kind, with a destructor, and knows what it should hold.
#[derive(Trace)]
#[trace(leaf)]
struct Body {
    number: u64,
    text: String,
    dropped: Arc<AtomicBool>,
}

impl Drop for Body {
    fn drop(&mut self) {
        assert_eq!(self.text, self.number.to_string());
        assert!(!self.dropped.swap(true, Ordering::Relaxed), "dropped twice");
    }
}

#[derive(Trace)]
struct Thing<'gc> {
    number: u64,
    body: Body,
    counted: Counted<str>,
    shared: Arc<[u64]>,
    next: Slot<'gc, Thing<'gc>>,
    large: Gc<'gc, [Large]>,
    seen: Weak<'gc, Thing<'gc>>,
    beside: Ephemeron<'gc, u64, u64>,
    map: GcCell<GcHashMap<u64, Gc<'gc, u64>>>,
    tree: GcCell<GcBTreeMap<u64, Gc<'gc, u64>>>,
}

/// An element of a slice that is often large, and is dropped where it lies.
#[derive(Trace)]
struct Large {
    pad: [u64; 20],
    shared: Counted<str>,
    list: Vec<String>,
}

fn plain<'gc>(m: &'gc Mutator, number: u64, large: Gc<'gc, [Large]>, counted: &Counted<str>) -> Thing<'gc> {
    let only = m.alloc(number);
    Thing {
        number,
        body: Body { number, text: number.to_string(), dropped: Arc::default() },
        counted: counted.clone(),
        shared: Arc::new([number; 3]),
        next: Slot::null(),
        large,
        seen: Weak::dangling(),
        beside: Ephemeron::new(m, only, only),
        map: GcCell::default(),
        tree: GcCell::default(),
    }
}

/// What a mutator does between pictures: makes things that lead to each other, and drops most of them.
fn work(heap: &Heap, m: &mut Mutator, seed: u64, pictures: u64) {
    let mut random = Random::new(seed);
    let counted = Counted::<str>::from("shared by many");
    let queue = FinalizationQueue::<Thing<'static>>::new(heap);
    let mut list = m.root(Vec::<Gc<'_, Thing<'_>>>::new());
    for picture in 0..pictures {
        for _ in 0..60 {
            let number = random.below(1000);
            let len = [0, 1, 30, 400][random.below(4) as usize];
            let large = m.alloc_slice_from_iter((0..len).map(|at: u32| Large {
                pad: [at.into(); 20],
                shared: counted.clone(),
                list: vec![String::new(); (at % 3) as usize],
            }));
            let thing = {
                let kept = list.borrow(m);
                let some =
                    |random: &mut Random| (!kept.is_empty()).then(|| kept[random.below(kept.len() as u64) as usize]);
                let seen = some(&mut random).map_or_else(Weak::dangling, |thing| Gc::downgrade(thing, m));
                let value = m.alloc(number + 1);
                let (mut map, mut tree) = (GcHashMap::new(), GcBTreeMap::new());
                map.insert(number, value);
                tree.insert(number, value);
                // Half of the keys are garbage soon.
                let key = if number.is_multiple_of(2) { value } else { m.alloc(number) };
                let mut thing = plain(m, number, large, &counted);
                (thing.seen, thing.next) = (seen, Slot::new(some(&mut random)));
                thing.beside = Ephemeron::new(m, key, m.alloc(number + 2));
                (thing.map, thing.tree) = (GcCell::new(map), GcCell::new(tree));
                m.alloc(thing)
            };
            if random.below(8) == 0 {
                queue.register(m, thing);
            }
            let thing = m.root(thing);
            list.get_mut(m).push(thing.get(m));
            m.safepoint();
        }
        let keep = random.below(20) as usize;
        list.get_mut(m).truncate(keep);
        while let Some(thing) = queue.poll(m) {
            assert_eq!(thing.body.text, thing.number.to_string());
        }
        if picture % 2 == 0 {
            let ids: Vec<_> = list.borrow(m).iter().map(|thing| Gc::id(*thing, m)).collect();
            let graph = Graph::take(m).unwrap();
            for (at, id) in ids.into_iter().enumerate() {
                let node = graph.node_with_id(id).unwrap_or_else(|| panic!("thing {at} is not in the picture"));
                assert!(graph.is_reachable(node) && graph.owned(node) > 0);
                let labels: Vec<_> = graph.edges(node).map(|edge| edge.label.to_string()).collect();
                for label in ["large", "map[0]", "tree[0]", "beside"] {
                    assert!(labels.iter().any(|found| found == label), "{label} of {labels:?}");
                }
            }
        } else {
            let count = list.borrow(m).len();
            assert!(Census::take(m).count::<Thing<'_>>() >= count);
        }
    }
}

const PROFILES: [&str; 8] = [
    "",
    "stopped,full-every=3",
    "slow-marker=2,full-every=2",
    "compact-always,slow-marker=5",
    "compact-random,promote-random,seed=11",
    "verify,compact-all=3,tiny-nursery",
    "verify,promote-never,to-space-full=3,workers=2",
    "every-allocation=50,stopped,compact-always",
];

/// Every part of a heap is there when a picture is taken: in each phase, while others make and drop, and their values are dropped by other threads.
#[test]
fn pictures_in_every_phase_read_nothing_dead() {
    for (seed, profile) in PROFILES.iter().enumerate() {
        let heap = &under(profile).build().unwrap();
        thread::scope(|scope| {
            for thread in 0..3 {
                scope.spawn(move || work(heap, &mut heap.attach().unwrap(), 10 * seed as u64 + thread, scaled(8)));
            }
        });
        settle(heap);
    }
}

/// What is refused is nothing, but the picture has all the rest, and nothing stays young that would not be in it.
#[test]
fn pictures_at_the_hard_limit_are_whole() {
    for profile in ["verify", "verify,to-space-full=2,seed=4", "verify,slow-marker=3", "verify,compact-always"] {
        let heap = &under(profile).chunk_bytes(16 << 10).nursery_bytes(64 << 10).hard_limit(3 << 20).build().unwrap();
        let full = |seed: u64| {
            let mut m = heap.attach().unwrap();
            let (mut random, mut refused) = (Random::new(seed), 0);
            let mut kept = m.root(Vec::<Gc<'_, [Option<Gc<'_, u64>>]>>::new());
            for step in 0..scaled(3000) {
                let len = [1, 5, 60, 900][random.below(4) as usize];
                let one = m.try_alloc(step).ok();
                match m.try_alloc_slice_with(len, |_| one).ok() {
                    Some(slice) => {
                        let slice = m.root(slice);
                        kept.get_mut(&m).push(slice.get(&m));
                    }
                    None => {
                        refused += 1;
                        let ids: Vec<_> = kept.borrow(&m).iter().map(|slice| Gc::id(*slice, &m)).collect();
                        let graph = Graph::take(&mut m).unwrap();
                        assert!(ids.iter().all(|&id| graph.node_with_id(id).is_some()));
                        let count = kept.borrow(&m).len();
                        assert!(Census::take(&mut m).count::<[Option<Gc<'_, u64>>]>() >= count);
                        kept.get_mut(&m).truncate(count / 2);
                    }
                }
                m.safepoint();
                if refused > 6 {
                    break;
                }
            }
            refused
        };
        let refused: u64 = thread::scope(|scope| {
            let threads = [1, 2].map(|seed| scope.spawn(move || full(seed)));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(refused > 0, "the limit was never met");
    }
}

/// A value without pointers is looked into by nobody else. It may be as deep as the heap's threads can drop.
#[derive(Trace)]
struct Chain {
    text: String,
    next: Option<Box<Chain>>,
}

#[test]
fn a_long_chain_of_boxes_takes_no_deep_stack() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut chain = Chain { text: String::new(), next: None };
    for _ in 0..scaled(30_000) {
        chain = Chain { text: String::with_capacity(10), next: Some(Box::new(chain)) };
    }
    let root = m.root(m.alloc(chain));
    let graph = Graph::take(&mut m).unwrap();
    let node = graph.instances("Chain").next().unwrap();
    // What lies deep is not told, but much is.
    assert!(graph.owned(node) > 100 * (10 + size_of::<Chain>() as u64), "{}", graph.owned(node));
    drop(root);
    m.collect(Collect::Full);
    m.blocked(|| settle(&heap));
}

#[derive(Trace)]
struct Links<'gc> {
    item: Gc<'gc, u64>,
    next: Option<Box<Links<'gc>>>,
}

/// Each pointer has a path of its own, but not its whole text.
#[test]
fn the_paths_of_a_chain_of_boxes_are_short() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut chain = Links { item: m.alloc(0), next: None };
    for number in 1..800 {
        chain = Links { item: m.alloc(number), next: Some(Box::new(chain)) };
    }
    let root = m.root(m.alloc(chain));
    let graph = Graph::take(&mut m).unwrap();
    let node = graph.instances("Links").next().unwrap();
    let labels: Vec<_> = graph.edges(node).map(|edge| edge.label.to_string()).collect();
    assert_eq!((labels.len(), labels[0].as_str(), labels[2].as_str()), (800, "item", "next.next.item"));
    assert!(labels.iter().all(|label| label.len() < 200 && label.ends_with("item")), "{:?}", labels.last());
    drop(root);
}

#[derive(Trace)]
struct Fork<'gc> {
    item: Gc<'gc, u64>,
    forks: Vec<Fork<'gc>>,
}

/// The index of a long path is one of those that are told.
#[test]
fn the_paths_of_a_chain_of_vectors_are_short() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut fork = Fork { item: m.alloc(0), forks: Vec::new() };
    for number in 1..200 {
        let side = Fork { item: m.alloc(number), forks: Vec::new() };
        fork = Fork { item: m.alloc(number), forks: vec![side, fork] };
    }
    let root = m.root(m.alloc(fork));
    let graph = Graph::take(&mut m).unwrap();
    let node = graph.instances("Fork").next().unwrap();
    let labels: Vec<_> = graph.edges(node).map(|edge| edge.label.to_string()).collect();
    assert_eq!(labels[1], "forks[0].item");
    assert!(labels.iter().all(|label| label.len() < 300), "{:?}", labels.last());
    assert!(labels[300].contains("…") && labels[300].matches('[').count() > 10, "{}", labels[300]);
    drop(root);
}

/// Locks are held, and what they hold changes, on threads that no pause stops. A picture does not look into them.
#[derive(Trace)]
struct Locks {
    list: std::sync::Mutex<Vec<String>>,
    once: OnceLock<Vec<u8>>,
    shared: Arc<std::sync::Mutex<Vec<String>>>,
    counted: Counted<std::sync::Mutex<Vec<String>>>,
}

#[test]
fn what_is_behind_locks_may_change_meanwhile() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (shared, counted) = (Arc::default(), Counted::new(std::sync::Mutex::new(Vec::new())));
    let locks = Locks { list: Default::default(), once: OnceLock::new(), shared, counted };
    let root = m.root(m.alloc(locks));
    let (shared, counted) = (root.get(&m).shared.clone(), root.get(&m).counted.clone());
    let ends = Arc::new(AtomicBool::new(false));
    let stop = ends.clone();
    let writer = thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            for list in [&*shared, &*counted] {
                let mut list = list.lock().unwrap();
                list.push("a text that is long enough".to_owned());
                if list.len() > 40 {
                    *list = Vec::new();
                }
            }
            drop((shared.clone(), counted.clone()));
        }
    });
    for _ in 0..scaled(30) {
        let graph = Graph::take(&mut m).unwrap();
        let node = graph.instances("Locks").next().unwrap();
        assert_eq!((graph.owned(node), graph.edges(node).count()), (0, 2));
        Census::take(&mut m);
    }
    ends.store(true, Ordering::Relaxed);
    m.blocked(|| writer.join()).unwrap();
    drop(root);
}

/// Closures that fill slices, make cycles or write cells may panic half-way. What they leave is no object, or a whole one.
#[test]
fn what_a_panic_leaves_is_no_trap_for_a_picture() {
    let heap = under("verify").build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(GcCell::new(GcHashMap::<u64, Gc<'_, u64>>::new())));
    for round in 0..40_u64 {
        let quiet = |run: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(run)).is_err();
        let text =
            |at: usize| if at as u64 == round { std::panic::resume_unwind(Box::new(())) } else { at.to_string() };
        assert!(quiet(&mut || _ = m.alloc_slice_with([50, 5000][round as usize % 2], text)));
        assert!(quiet(&mut || _ = m.alloc_with(|| -> String { std::panic::resume_unwind(Box::new(())) })));
        assert!(quiet(&mut || {
            let map = root.get(&m);
            let mut map = map.borrow_mut(&m);
            map.insert(round, m.alloc(round));
            map.retain(|_, _| std::panic::resume_unwind(Box::new(())));
        }));
        if round % 4 == 3 {
            let graph = Graph::take(&mut m).unwrap();
            assert_eq!(graph.instances("String").count(), 0, "strings of slices that were never whole");
            assert_eq!(Census::take(&mut m).count::<[String]>(), 0);
            *root.get(&m).borrow_mut(&m) = GcHashMap::new();
        }
    }
}

/// Elements without a size: as many as there can be.
#[test]
fn nothing_is_counted_for_elements_without_a_size() {
    #[derive(Trace)]
    struct Nothing;
    #[derive(Trace)]
    struct Many {
        vec: Vec<Nothing>,
        boxed: Box<[Nothing]>,
        deque: std::collections::VecDeque<()>,
        heap: std::collections::BinaryHeap<()>,
        set: std::collections::HashSet<()>,
        tree: std::collections::BTreeSet<()>,
    }
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let vec = || (0..usize::MAX).map(|_| Nothing).take(0).collect::<Vec<_>>();
    let mut many = vec();
    many.resize_with(1 << 20, || Nothing);
    let boxed = vec().into_boxed_slice();
    let object =
        Many { vec: many, boxed, deque: [(); 9].into(), heap: [(); 9].into(), set: [()].into(), tree: [()].into() };
    let root = m.root(m.alloc(object));
    let large = m.root(m.alloc_slice_with(1 << 24, |_| Nothing));
    let graph = Graph::take(&mut m).unwrap();
    assert!(graph.owned(graph.instances("Many").next().unwrap()) < 100);
    let census = Census::take(&mut m);
    assert_eq!((census.amount::<[Nothing]>().objects, census.amount::<[Nothing]>().bytes), (1, 16));
    drop((root, large));
}

/// Names that would end a string of JSON, if they were written as they are.
#[derive(Trace)]
struct Odd<'gc, const C: char> {
    r#type: Gc<'gc, u64>,
    größe: Slot<'gc, Odd<'gc, C>>,
}

#[test]
fn odd_names_are_well_formed_in_files() {
    fn add<const C: char>(m: &Mutator, all: &mut Vec<gc_core::Root<Gc<'static, Odd<'static, C>>>>) {
        all.push(m.root(m.alloc(Odd::<C> { r#type: m.alloc(1), größe: Slot::null() })));
    }
    let timeline = Timeline::new();
    let hook = timeline.hook("a \"heap\" \\ \n</script>\u{7f}\u{202e}");
    let heap = calm().on_event(Level::Debug, hook).build().unwrap();
    let graph = thread::Builder::new().name("an \"odd\" \\thread\t".to_owned()).spawn({
        let heap = heap.clone();
        move || {
            let mut m = heap.attach().unwrap();
            let (mut quote, mut back, mut nul, mut line) = (vec![], vec![], vec![], vec![]);
            add::<'"'>(&m, &mut quote);
            add::<'\\'>(&m, &mut back);
            add::<'\0'>(&m, &mut nul);
            add::<'\u{2028}'>(&m, &mut line);
            let graph = Graph::take(&mut m).unwrap();
            for _ in 0..3 {
                m.collect(Collect::Full);
            }
            graph
        }
    });
    let graph = graph.unwrap().join().unwrap();
    let mut file = Vec::new();
    graph.write_heap_snapshot(&mut file).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let strings: Vec<_> = file["strings"].as_array().unwrap().iter().filter_map(|text| text.as_str()).collect();
    for odd in ['"', '\\'] {
        let name = format!("Odd<'_, {odd:?}>");
        assert!(strings.iter().any(|text| text.contains(&name)), "{name}: {strings:?}");
    }
    assert!(strings.contains(&"type"));
    drop(heap);
    let mut file = Vec::new();
    timeline.write(&mut file).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let names: Vec<_> = file["traceEvents"].as_array().unwrap().iter().map(|entry| &entry["args"]["name"]).collect();
    assert!(names.iter().any(|name| **name == "an \"odd\" \\thread\t"), "{names:?}");
}

/// A dead object that only a dead old one leads to stays through minor collections, and not through the one of the count.
#[test]
fn what_dead_objects_lead_to_is_not_left() {
    #[derive(Trace)]
    struct Parent<'gc>(Slot<'gc, Child<'gc>>);
    #[derive(Trace)]
    struct Child<'gc>(Slot<'gc, Child<'gc>>, u64);
    for profile in PROFILES {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        for n in 0..scaled(20) {
            let parent = m.root(m.alloc(Parent(Slot::null())));
            m.collect(Collect::Promote);
            let child = m.alloc(Child(Slot::null(), n));
            child.0.set(&m, Some(child));
            parent.get(&m).0.set(&m, Some(child));
            let weak = m.root(Gc::downgrade(child, &m));
            if n % 2 == 0 {
                m.collect(Collect::Young);
            }
            drop(parent);
            assert_none_left::<Child<'_>>(&mut m);
            assert_none_left::<Parent<'_>>(&mut m);
            assert!(weak.get(&m).is_dead(&m));
        }
    }
}

/// Another mutator makes garbage of the type, and compacts, while it is asked for: what is asked for is what this mutator has dropped.
#[test]
fn censuses_of_many_mutators_end_and_are_exact() {
    for profile in ["", "compact-all=2", "slow-marker=3", "stopped,full-every=2", "compact-always"] {
        let heap = &under(profile).build().unwrap();
        thread::scope(|scope| {
            for thread in 0..3_u64 {
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    let mut kept = Vec::new();
                    for round in 0..scaled(6) {
                        for _ in 0..50 {
                            m.alloc([round; 5]);
                            m.safepoint();
                        }
                        match thread {
                            0 => kept.push(m.root(m.alloc_str("kept"))),
                            1 => _ = m.compact(),
                            _ => _ = m.collect(Collect::Promote),
                        }
                        let census = Census::take(&mut m);
                        assert!(thread != 0 || census.count::<str>() == kept.len(), "{census}");
                        assert_eq!(census.count::<[u8; 77]>(), 0);
                    }
                });
            }
        });
    }
}

/// Looks from inside of others: another heap's mutator, `Heap::with`, a thread that waits blocked, and a thread that ends.
#[test]
fn heaps_look_at_each_other() {
    let (one, other) = (calm().build().unwrap(), calm().build().unwrap());
    let mut m = one.attach().unwrap();
    let kept = m.root(m.alloc(1_u64));
    for _ in 0..scaled(5) {
        m.blocked(|| {
            other.with(|m| {
                let _here = m.root(m.alloc_str("of the other"));
                let graph = Graph::take(m).unwrap();
                assert_eq!((graph.instances("str").count(), graph.instances("u64").count()), (1, 0));
                let there = one.clone();
                let counted = thread::spawn(move || there.with(|m| Census::take(m).count::<u64>()).unwrap());
                assert_eq!(m.blocked(|| counted.join().unwrap()), 1);
            })
        })
        .unwrap();
        let (mutex, there) = (Mutex::new(()), &one);
        let held = mutex.lock();
        blocking::scope(&mut m, |scope| {
            let taken = scope.spawn(|| there.with(|m| Graph::take(m).unwrap().instances("u64").count()).unwrap());
            assert_eq!(taken.join().unwrap(), 1);
        });
        drop(held);
    }
    drop(kept);
}

/// Destructors and events come while a picture is taken, on other threads, and ask for pictures through threads of their own.
#[test]
fn destructors_wait_for_pictures() {
    #[derive(Trace)]
    #[trace(leaf)]
    struct Takes(Option<Heap>, Arc<Mutex<Vec<usize>>>);
    impl Drop for Takes {
        fn drop(&mut self) {
            let Some(heap) = self.0.take() else { return };
            let taken = thread::spawn(move || heap.with(|m| Graph::take(m).unwrap().instances("u64").count()).unwrap());
            self.1.lock().push(taken.join().unwrap());
        }
    }
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (found, kept) = (Arc::default(), m.root(m.alloc(1_u64)));
    for _ in 0..5 {
        m.alloc(Takes(Some(heap.clone()), Arc::clone(&found)));
    }
    let graph = Graph::take(&mut m).unwrap();
    assert_eq!(graph.instances("Takes").count(), 0);
    Census::take(&mut m);
    m.blocked(|| settle(&heap));
    assert_eq!(*found.lock(), [1; 5]);
    drop(kept);
}

/// Texts, keys and bytes stay in the program.
#[test]
fn nothing_that_is_shown_has_content() {
    const SECRET: &str = "hunter2";
    let timeline = Timeline::new();
    let heap = calm().on_event(Level::Debug, timeline.hook("heap")).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut map = GcHashMap::new();
    map.insert(SECRET.to_owned(), m.alloc_str(SECRET));
    let roots = (m.root(map), m.root(m.alloc(Counted::<str>::from(SECRET))), m.root(m.alloc(SECRET)));
    let graph = Graph::take(&mut m).unwrap();
    let mut shown = Vec::new();
    graph.write_heap_snapshot(&mut shown).unwrap();
    timeline.write(&mut shown).unwrap();
    let mut shown = String::from_utf8(shown).unwrap();
    let nodes: Vec<_> = graph.nodes().collect();
    shown += &graph.dot(&nodes, 3, 100);
    shown += &format!("{graph:?} {} {:?}", Census::take(&mut m), Census::take(&mut m));
    for node in nodes {
        shown += &graph.path_to(node).map(|path| path.to_string()).unwrap_or_default();
    }
    let message = |body: &mut dyn FnMut()| -> String {
        *catch_unwind(AssertUnwindSafe(body)).unwrap_err().downcast::<String>().unwrap()
    };
    shown += &message(&mut || assert_none_left::<str>(&mut m));
    let mut grown = Vec::new();
    shown += &message(&mut || assert_no_growth(&mut m, |m| grown.push(m.root(m.alloc_str(SECRET)))));
    assert!(shown.contains("str") && !shown.contains(SECRET));
    drop(roots);
}

/// What is made once, late, is no growth.
#[test]
fn what_is_made_late_is_no_growth() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (mut kept, mut run) = (Vec::new(), 0);
    assert_no_growth(&mut m, |m| {
        run += 1;
        if run == 2 {
            kept.push(m.root(m.alloc_str("a cache that the second run fills")));
        }
        m.alloc_str("garbage");
    });
}
