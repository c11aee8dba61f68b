//! A census counts exactly what is alive, by type, whatever the program has done and however the heap is collected.

use std::{
    any::type_name,
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use gc_core::{
    Collect, Ephemeron, Gc, GcCell, Heap, Leaf, Mutator, Root, Trace,
    observe::{Amount, Census},
};
use gc_tests::{
    heaps::{self, calm, under},
    random::Random,
    sizes::{part, scaled},
};

mod one {
    #[derive(gc_core::Trace)]
    pub struct Same<T: 'static>(pub T);
}

mod other {
    #[derive(gc_core::Trace)]
    pub struct Same<T: 'static>(pub T);
}

/// A program's objects, of every kind that a heap has.
#[derive(Trace, Clone, Copy)]
enum Any<'gc> {
    Small(Gc<'gc, Small<'gc>>),
    Wide(Gc<'gc, Wide<'gc>>),
    Many(Gc<'gc, [Edge<'gc>]>),
    Text(Gc<'gc, str>),
    Nothing(Gc<'gc, Nothing>),
    Nothings(Gc<'gc, [Nothing]>),
    Owner(Gc<'gc, Leaf<Box<u64>>>),
    One(Gc<'gc, one::Same<u64>>),
    Other(Gc<'gc, other::Same<u64>>),
    Byte(Gc<'gc, one::Same<u8>>),
    Aligned(Gc<'gc, Aligned>),
}

type Edge<'gc> = GcCell<Option<Any<'gc>>>;

#[derive(Trace)]
struct Small<'gc>(Edge<'gc>);

#[derive(Trace)]
struct Wide<'gc> {
    edges: [Edge<'gc>; 3],
    _words: [u64; 20],
}

#[derive(Trace, Clone, Copy)]
struct Nothing;

#[derive(Trace)]
#[repr(align(64))]
struct Aligned([u64; 9]);

const HEADER: usize = 8;
const LENGTH: usize = 8;

impl<'gc> Any<'gc> {
    fn edges(&self) -> &[Edge<'gc>] {
        match self {
            Self::Small(small) => core::slice::from_ref(&small.0),
            Self::Wide(wide) => &wide.edges,
            Self::Many(edges) => edges,
            _ => &[],
        }
    }

    /// Makes an object of some kind, whose first edge leads to `to`. Returns it with its type and size.
    fn make(m: &'gc Mutator, random: &mut Random, to: Option<Self>) -> (Self, &'static str, usize) {
        fn sized<T>() -> (&'static str, usize) {
            (type_name::<T>(), HEADER + size_of::<T>().next_multiple_of(8).max(8))
        }
        let len = random.below(12) as usize;
        let (any, (name, bytes)) = match random.below(16) {
            0..4 => (Self::Small(m.alloc(Small(GcCell::new(to)))), sized::<Small<'_>>()),
            4..6 => {
                let edges = [to, None, None].map(GcCell::new);
                (Self::Wide(m.alloc(Wide { edges, _words: [1; 20] })), sized::<Wide<'_>>())
            }
            6 | 7 => {
                // Some are large objects.
                let len = if random.below(8) == 0 { 400 + len } else { 1 + len };
                let edges = m.alloc_slice_with(len, |nth| GcCell::new(to.filter(|_| nth == 0)));
                (Self::Many(edges), (type_name::<[Edge<'_>]>(), HEADER + LENGTH + len * size_of::<Edge<'_>>()))
            }
            8 => {
                let bytes = (HEADER + LENGTH + len).next_multiple_of(8);
                (Self::Text(m.alloc_str(&"x".repeat(len))), ("str", bytes))
            }
            9 => (Self::Nothing(m.alloc(Nothing)), sized::<Nothing>()),
            10 => (
                Self::Nothings(m.alloc_slice_copy(&vec![Nothing; 1000 * len])),
                (type_name::<[Nothing]>(), HEADER + LENGTH),
            ),
            11 => (Self::Owner(m.alloc(Leaf(Box::new(1)))), sized::<Leaf<Box<u64>>>()),
            12 => (Self::One(m.alloc(one::Same(1))), sized::<one::Same<u64>>()),
            13 => (Self::Other(m.alloc(other::Same(1))), sized::<other::Same<u64>>()),
            14 => (Self::Byte(m.alloc(one::Same(1_u8))), sized::<one::Same<u8>>()),
            _ => (Self::Aligned(m.alloc(Aligned([1; 9]))), sized::<Aligned>()),
        };
        (any, name, bytes)
    }
}

/// What is known of an object.
struct Known {
    name: &'static str,
    bytes: usize,
    edges: Vec<Option<usize>>,
}

const ROOTS: usize = 8;

/// A program by chance, and the graph that it has made.
struct Program {
    objects: Vec<Known>,
    roots: Vec<(Root<Option<Any<'static>>>, Option<usize>)>,
    random: Random,
}

type Counts = BTreeMap<&'static str, (usize, usize)>;

impl Program {
    fn new(m: &Mutator, seed: u64) -> Self {
        let roots = (0..ROOTS).map(|_| (m.root(None::<Any<'_>>), None)).collect();
        Self { objects: Vec::new(), roots, random: Random::new(seed) }
    }

    fn pick(&mut self, below: usize) -> usize {
        self.random.below(below as u64) as usize
    }

    /// An object that some root leads to in a few steps.
    fn walk<'gc>(&mut self, m: &'gc Mutator) -> Option<(Any<'gc>, usize)> {
        let root = self.pick(ROOTS);
        let mut at = (self.roots[root].0.get(m)?, self.roots[root].1?);
        for _ in 0..self.pick(5) {
            let edges = self.objects[at.1].edges.len();
            if edges == 0 {
                break;
            }
            let edge = self.pick(edges.min(3));
            let Some(to) = self.objects[at.1].edges[edge] else { break };
            at = (at.0.edges()[edge].get(m).expect("an edge that the graph has, too"), to);
        }
        Some(at)
    }

    fn step(&mut self, m: &mut Mutator) {
        match self.pick(10) {
            0..6 => {
                let to = self.walk(m);
                let (any, name, bytes) = Any::make(m, &mut self.random, to.map(|to| to.0));
                let mut edges = vec![None; any.edges().len()];
                if let Some(first) = edges.first_mut() {
                    *first = to.map(|to| to.1);
                }
                self.objects.push(Known { name, bytes, edges });
                if self.pick(4) > 0 {
                    let root = self.pick(ROOTS);
                    self.roots[root].0.set(m, Some(any));
                    self.roots[root].1 = Some(self.objects.len() - 1);
                }
            }
            6..8 => {
                if let (Some((from, known)), to) = (self.walk(m), self.walk(m))
                    && !from.edges().is_empty()
                {
                    let edge = self.pick(from.edges().len().min(3));
                    from.edges()[edge].set(m, to.map(|to| to.0));
                    self.objects[known].edges[edge] = to.map(|to| to.1);
                }
            }
            8 => {
                let root = self.pick(ROOTS);
                self.roots[root].0.set(m, None);
                self.roots[root].1 = None;
            }
            _ => m.safepoint(),
        }
    }

    /// Adds what is alive.
    fn count(&self, counts: &mut Counts) {
        let mut seen = vec![false; self.objects.len()];
        let mut work: Vec<usize> = self.roots.iter().filter_map(|root| root.1).collect();
        while let Some(object) = work.pop() {
            if !core::mem::replace(&mut seen[object], true) {
                let Known { name, bytes, edges } = &self.objects[object];
                let count = counts.entry(name).or_default();
                *count = (count.0 + 1, count.1 + bytes);
                work.extend(edges.iter().flatten());
            }
        }
    }
}

/// What a census has found alive.
fn counted(census: &Census) -> Counts {
    for count in census.types() {
        let parts = count.fresh.objects + count.survivors.objects + count.old.objects;
        let bytes = count.fresh.bytes + count.survivors.bytes + count.old.bytes;
        assert_eq!((parts, bytes), (count.live.objects, count.live.bytes), "{census:.99}");
        assert!(count.memory >= count.live.bytes, "{census:.99}");
    }
    let live = census.types().iter().filter(|count| count.live.objects > 0);
    live.map(|count| (count.name, (count.live.objects, count.live.bytes))).collect()
}

const PROFILES: [&str; 9] = [
    "",
    "tiny-nursery",
    "stopped,every-safepoint=9",
    "slow-marker=16,full-every=3,every-safepoint=11",
    "compact-always,full-every=2,every-safepoint=7,verify",
    "compact-all=3,every-safepoint=13",
    "promote-random,every-allocation=31,verify",
    "promote-never,to-space-full=3,every-safepoint=5,workers=2",
    "workers=4,tiny-nursery,full-every=4,every-safepoint=11",
];

fn one_mutator(profile: &str, seed: u64) {
    let heap = under(profile).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut program = Program::new(&m, seed);
    for _ in 0..6 {
        for _ in 0..program.pick(300) {
            program.step(&mut m);
        }
        let mut expected = Counts::new();
        program.count(&mut expected);
        assert_eq!(counted(&Census::take(&mut m)), expected, "profile {profile:?}, seed {seed}");
    }
}

#[test]
fn counts_what_one_mutator_has() {
    for profile in PROFILES {
        for seed in part(0..20) {
            one_mutator(profile, seed);
        }
    }
}

#[test]
fn counts_what_one_mutator_has_under_random_stress() {
    for seed in part(100..160) {
        one_mutator(&format!("random={seed}"), seed);
    }
}

/// Between rounds, in which four mutators run programs of their own.
#[test]
fn counts_what_four_mutators_have() {
    for profile in PROFILES {
        for seed in part(0..4) {
            let heap = under(profile).build().unwrap();
            let mut m = heap.attach().unwrap();
            let mut programs: Vec<_> = (0..4).map(|nth| Program::new(&m, 10 * seed + nth)).collect();
            for _ in 0..3 {
                m.blocked(|| {
                    thread::scope(|scope| {
                        let heap = &heap;
                        let threads = programs.iter_mut().map(|program| {
                            scope.spawn(move || {
                                let mut m = heap.attach().unwrap();
                                (0..200).for_each(|_| program.step(&mut m));
                            })
                        });
                        // Joined here, and not by the end of the scope: ThreadSanitizer sees that.
                        let threads: Vec<_> = threads.collect();
                        threads.into_iter().for_each(|thread| thread.join().unwrap());
                    });
                });
                let mut expected = Counts::new();
                programs.iter().for_each(|program| program.count(&mut expected));
                assert_eq!(counted(&Census::take(&mut m)), expected, "profile {profile:?}, seed {seed}");
            }
        }
    }
}

/// What other mutators keep is counted exactly, however much they allocate beside it, and however many censuses are taken at once.
#[test]
fn counts_what_is_kept_while_others_run() {
    #[derive(Trace)]
    struct Kept<'gc>(Gc<'gc, [u64]>);
    const KEPT: usize = 500;
    const TAKERS: usize = 2;
    for profile in ["", "slow-marker=64,tiny-nursery", "compact-always,verify", "stopped,every-safepoint=50"] {
        let heap = under(profile).build().unwrap();
        let ends = AtomicBool::new(false);
        let rounds = scaled(12);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut m = heap.attach().unwrap();
                    let kept: Vec<_> = (0..KEPT)
                        .map(|nth| {
                            m.root(m.alloc(Kept(m.alloc_slice_copy(&vec![1_u64; if nth == 0 { 3000 } else { 1 }]))))
                        })
                        .collect();
                    let mut round = 0_u64;
                    // Relaxed: only a flag.
                    while !ends.load(Ordering::Relaxed) {
                        round += 1;
                        m.alloc_slice_copy(&vec![round; (round % 50) as usize]);
                        m.safepoint();
                    }
                    drop(kept);
                });
            }
            let takers: Vec<_> = (0..TAKERS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut m = heap.attach().unwrap();
                        let mine = m.root(m.alloc(7_i128));
                        heaps::wait_until("all is there", || Census::take(&mut m).count::<Kept<'_>>() == 2 * KEPT);
                        for _ in 0..rounds {
                            let census = Census::take(&mut m);
                            assert_eq!(census.count::<Kept<'_>>(), 2 * KEPT, "{profile}");
                            assert!(census.count::<i128>() >= 1 && census.count::<i128>() <= TAKERS);
                            assert!(census.count::<[u64]>() >= 2 * KEPT);
                            counted(&census);
                        }
                        drop(mine);
                    })
                })
                .collect();
            let results: Vec<_> = takers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            ends.store(true, Ordering::Relaxed);
            results.into_iter().for_each(|result| result.unwrap());
        });
    }
}

/// The pause that begins the cycle sees each object in its generation, and what is dead in the young ones.
#[test]
fn objects_count_in_the_generation_that_they_have() {
    let heap = calm().auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let old = m.root(m.alloc_slice_with(10, |n| m.alloc(n as u64)));
    m.collect(Collect::Young);
    m.collect(Collect::Young);
    let survivors = m.root(m.alloc_slice_with(20, |n| m.alloc(n as u64)));
    for n in 0..5 {
        m.alloc(n as u64); // dead in generation 0, and gone
    }
    m.collect(Collect::Young);
    let fresh = m.root(m.alloc_slice_with(40, |n| m.alloc(n as u64)));
    for n in 0..80 {
        m.alloc(n as u64);
    }
    let large = m.root(m.alloc_slice_copy(&[0_u8; 100_000]));
    m.alloc_slice_copy(&[0_u8; 100_000]);
    let census = Census::take(&mut m);
    let numbers = census.named("u64").unwrap();
    let objects = [numbers.fresh, numbers.survivors, numbers.old, numbers.dead].map(|amount| amount.objects);
    assert_eq!(objects, [40, 20, 10, 80]);
    assert_eq!(numbers.live, Amount { objects: 70, bytes: 70 * 16 });
    let bytes = census.named("[u8]").unwrap();
    assert_eq!((bytes.fresh.objects, bytes.dead.objects, bytes.old.objects), (1, 1, 0));
    assert_eq!(bytes.live.bytes, 100_016);
    let again = Census::take(&mut m);
    let numbers = again.named("u64").unwrap();
    let objects = [numbers.fresh, numbers.survivors, numbers.old, numbers.dead].map(|amount| amount.objects);
    assert_eq!(objects, [0, 0, 70, 0], "everything was promoted");
    drop((old, survivors, fresh, large));
}

/// Two types in two blocks of a function have one name.
#[test]
fn types_of_one_name_are_told_apart_by_their_shape() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = {
        #[derive(Trace)]
        struct Local(u64);
        (m.root(m.alloc(Local(1))), type_name::<Local>())
    };
    let other = {
        #[derive(Trace)]
        struct Local([u64; 7]);
        (m.root(m.alloc(Local([1; 7]))), type_name::<Local>())
    };
    assert_eq!(one.1, other.1, "the test needs two types of one name");
    let census = Census::take(&mut m);
    let bytes: Vec<_> = census.types().iter().map(|count| (count.name, count.live.bytes)).collect();
    assert_eq!(bytes, [(one.1, 64), (other.1, 16)]);
}

#[test]
fn the_collectors_own_objects_have_readable_names() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let key = m.root(m.alloc(1_u64));
    let weak = m.root(Gc::downgrade(key.get(&m), &m));
    let pair = m.root(Ephemeron::new(&m, key.get(&m), m.alloc(2_u32)));
    let census = Census::take(&mut m);
    for name in ["(weak cell)", "(ephemeron)", "u64", "u32"] {
        assert_eq!(census.named(name).map(|count| count.live.objects), Some(1), "{name}\n{census}");
    }
    assert_eq!(census.types().len(), 4, "{census}");
    drop((key, weak, pair));
}

/// What has a destructor is counted until it is found dead, and not while it waits for it.
#[test]
fn what_waits_to_be_dropped_is_not_counted() {
    struct Slow<const BYTES: usize>([u8; BYTES]);
    impl<const BYTES: usize> Drop for Slow<BYTES> {
        fn drop(&mut self) {
            thread::sleep(Duration::from_millis(u64::from(self.0[0])));
        }
    }
    fn test<const BYTES: usize>() {
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        let kept: Vec<_> = (0..20).map(|_| m.root(m.alloc(Leaf(Slow([2; BYTES]))))).collect();
        m.collect(Collect::Promote);
        assert_eq!(Census::take(&mut m).count::<Leaf<Slow<BYTES>>>(), 20);
        drop(kept);
        assert_eq!(Census::take(&mut m).count::<Leaf<Slow<BYTES>>>(), 0);
        heaps::settle(&heap);
    }
    test::<8>();
    test::<10_000>();
}

#[test]
fn a_census_at_the_hard_limit() {
    let heap = calm().hard_limit(24 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = Vec::new();
    while let Ok(slice) = m.try_alloc_slice_copy::<u64>(&[1_u64; 100]) {
        kept.push(m.root(slice));
        m.safepoint();
    }
    assert!(kept.len() > 1000, "{}", kept.len());
    let census = Census::take(&mut m);
    assert_eq!(census.count::<[u64]>(), kept.len());
    drop(kept);
    assert_eq!(Census::take(&mut m).all(), Amount::default());
}

#[test]
fn shows_as_many_rows_as_it_is_asked_for() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = (m.root(m.alloc(1_u8)), m.root(m.alloc([2_u64; 9])), m.root(m.alloc(3_u128)));
    let census = Census::take(&mut m);
    let text = format!("{census:.2}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[1].ends_with("  [u64; 9]") && lines[2].ends_with("  u128"), "{text}");
    assert!(lines[3].ends_with("all types, 1 of which are not shown"), "{text}");
    assert_eq!(format!("{census}").lines().count(), 5);
    drop(kept);
}

/// The mutators that a heap keeps for threads take one, too, and so does one of two heaps.
#[test]
fn in_a_heap_that_is_entered() {
    let heap: Heap = calm().build().unwrap();
    let elsewhere = calm().build().unwrap();
    let kept = heap.with(|m| m.root(m.alloc(1_u16))).unwrap();
    let counts = heap.with(|m| Census::take(m)).unwrap();
    assert_eq!(counts.count::<u16>(), 1);
    assert_eq!(elsewhere.with(|m| Census::take(m)).unwrap().all().objects, 0);
    drop(kept);
}
