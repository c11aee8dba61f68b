//! Frames of roots: what is kept in them stays what it was, whatever the program and the collector do meanwhile, and nothing that was kept in
//! one is found after it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
};

use gc_core::{
    Collect, Gc, Heap, HeapBuilder, Kept, Mutator, Slot, Trace,
    observe::{Graph, NodeKind},
};
use gc_tests::{
    heaps::{calm, checked, under},
    random::Random,
    sizes::{part, scaled},
};
use parking_lot::Mutex;

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Option<Gc<'gc, Node<'gc>>>,
    other: Slot<'gc, Node<'gc>>,
}

type List = Option<Gc<'static, Node<'static>>>;

fn push<'gc>(m: &'gc Mutator, next: Option<Gc<'gc, Node<'gc>>>, value: u64) -> Option<Gc<'gc, Node<'gc>>> {
    Some(m.alloc(Node { value, next, other: Slot::new(next) }))
}

fn values(list: Option<Gc<'_, Node<'_>>>) -> Vec<u64> {
    std::iter::successors(list, |node| node.next).map(|node| node.value).collect()
}

/// A list that is kept in some frame, and what it holds.
#[derive(Clone, Copy)]
struct Held<'f, 'v> {
    list: Kept<'f, List>,
    values: &'v Mutex<Vec<u64>>,
}

impl Held<'_, '_> {
    fn push(&self, m: &Mutator, value: u64) {
        self.list.set(m, push(m, self.list.get(m), value));
        self.values.lock().insert(0, value);
    }

    fn clear(&self, m: &Mutator) {
        self.list.set(m, None);
        self.values.lock().clear();
    }

    fn check(&self, m: &Mutator) {
        assert_eq!(values(self.list.get(m)), *self.values.lock());
    }
}

fn ignore<T>(_: T) {}

/// Does something by chance in some frame of these, again and again, and enters another frame now and then.
fn wander(m: &mut Mutator, random: &mut Random, depth: u64, steps: &mut u64, all: &[Held<'_, '_>]) {
    let (one, two) = (Mutex::new(Vec::new()), Mutex::new(vec![depth]));
    m.frame(|m, [a, b, _]| {
        let a = Held { list: a.keep(m, None::<Gc<'_, Node<'_>>>), values: &one };
        // One that is used late.
        let mut late = Some(b);
        let mut all: Vec<Held<'_, '_>> = all.to_vec();
        all.push(a);
        while *steps > 0 {
            *steps -= 1;
            let held = all[random.below(all.len() as u64) as usize];
            match random.below(16) {
                0..6 => held.push(m, *steps),
                6 => held.clear(m),
                7 => {
                    if let Some(vacant) = late.take() {
                        all.push(Held { list: vacant.keep(m, push(m, None, depth)), values: &two });
                    }
                }
                8 if depth < 40 => wander(m, random, depth + 1, steps, &all),
                9 if depth < 40 => {
                    let panics = AssertUnwindSafe(|| {
                        m.frame(|m, [c]| {
                            let c = c.keep(m, held.list.get(m));
                            m.safepoint();
                            assert_eq!(values(c.get(m)), *held.values.lock());
                            wander(m, random, depth + 1, steps, &all);
                            std::panic::resume_unwind(Box::new(depth));
                        });
                    });
                    assert_eq!(*catch_unwind(panics).unwrap_err().downcast::<u64>().unwrap(), depth);
                }
                10 => ignore(m.collect([Collect::Young, Collect::Young, Collect::Promote][*steps as usize % 3])),
                11 if random.below(40) == 0 => ignore(m.collect(Collect::Full)),
                11 if random.below(80) == 0 => ignore(m.compact()),
                12 => m.blocked(thread::yield_now),
                13 if random.below(4) == 0 => break,
                _ => m.safepoint(),
            }
            held.check(m);
        }
        all.iter().for_each(|held| held.check(m));
    });
}

fn wanders(heap: &Heap, seed: u64, steps: u64) {
    let mut m = heap.attach().unwrap();
    let (random, mut left) = (&mut Random::new(seed), steps);
    while left > 0 {
        wander(&mut m, random, 0, &mut left, &[]);
    }
}

#[test]
fn what_is_kept_stays_what_it_was() {
    for seed in part(0..6) {
        wanders(&checked().build().unwrap(), seed, 3000);
    }
}

#[test]
fn what_is_kept_stays_what_it_was_under_stress() {
    let profiles = [
        "verify,every-safepoint=3",
        "verify,promote-always,every-safepoint=2",
        "verify,promote-never,every-safepoint=5",
        "verify,promote-random,every-safepoint=3,to-space-full=2",
        "verify,workers=2,promote-random",
    ];
    for (seed, profile) in profiles.into_iter().enumerate() {
        wanders(&under(profile).nursery_bytes(256 << 10).build().unwrap(), seed as u64, scaled(3000));
    }
}

/// Marking goes on concurrently, from a snapshot of what the frames held when it began.
#[test]
fn threads_in_frames_are_collected_by_each_other() {
    let heap = checked().nursery_bytes(256 << 10).build().unwrap();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|seed| {
                let heap = &heap;
                scope.spawn(move || wanders(heap, 100 + seed, scaled(3000)))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// The bottom of a recursion collects, and every frame above it holds what it held: also those that were looked at long ago.
#[test]
fn a_deep_recursion_keeps_everything() {
    fn dive(m: &mut Mutator, depth: u64, first: Kept<'_, Gc<'static, u64>>) {
        if depth == 0 {
            for n in 0..10 {
                first.set(m, m.alloc(n));
                m.collect(Collect::Young);
                assert_eq!(*first.get(m), n);
            }
            m.collect(Collect::Full);
            m.compact();
            return;
        }
        m.safepoint();
        m.frame(|m, [number, text]| {
            let number = number.keep(m, m.alloc(depth));
            let text = text.keep(m, depth.is_multiple_of(16).then(|| m.alloc_str(&depth.to_string())));
            dive(m, depth - 1, first);
            assert_eq!(*number.get(m), depth);
            assert_eq!(text.get(m).map(|text| text.to_string()), depth.is_multiple_of(16).then(|| depth.to_string()));
        });
    }
    const DEPTH: u64 = 30_000;
    let work = || {
        let heap = calm().nursery_bytes(256 << 10).build().unwrap();
        let mut m = heap.attach().unwrap();
        m.frame(|m, [first]| {
            let first = first.keep(m, m.alloc(0_u64));
            dive(m, DEPTH, first);
            assert_eq!(*first.get(m), 9);
        });
    };
    thread::Builder::new().stack_size(DEPTH as usize * 8192).spawn(work).unwrap().join().unwrap();
}

#[test]
fn slices_and_large_objects_are_kept() {
    let mut m = checked().build().unwrap().attach().unwrap();
    m.frame(|m, [text, numbers, large]| {
        let text = text.keep(m, m.alloc_str("text"));
        let numbers = numbers.keep(m, m.alloc_slice_copy(&[1_u64, 2]));
        let large = large.keep(m, m.alloc_slice_with(30_000, |n| m.alloc(n as u64)));
        for generation in [Collect::Young, Collect::Young, Collect::Promote, Collect::Full] {
            m.alloc([0_u64; 100]);
            m.collect(generation);
            assert_eq!((&*text.get(m), &*numbers.get(m)), ("text", &[1, 2][..]));
            assert!(large.get(m).iter().enumerate().all(|(n, number)| **number == n as u64));
        }
    });
}

#[test]
fn a_frame_ends_what_it_kept() {
    let heap = calm().auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let weak = m.frame(|m, [object]| {
        let object = object.keep(m, m.alloc([7_u64; 3]));
        m.collect(Collect::Promote);
        let weak = m.root(Gc::downgrade(object.get(m), m));
        m.collect(Collect::Full);
        assert!(weak.get(m).upgrade(m).is_some());
        weak
    });
    m.collect(Collect::Full);
    assert!(weak.get(&m).upgrade(&m).is_none());
}

/// The result may be a pointer, without a root.
#[test]
fn a_frame_returns_a_pointer() {
    fn sum<'gc>(m: &'gc mut Mutator, n: u64) -> (&'gc Mutator, Gc<'gc, u64>) {
        m.safepoint();
        if n == 0 {
            return (m, m.alloc(0));
        }
        m.frame(|m, [rest]| {
            let (now, pointer) = sum(m, n - 1);
            let rest = rest.keep(now, pointer);
            m.safepoint();
            let m: &Mutator = m;
            (m, m.alloc(n + *rest.get(m)))
        })
    }
    let mut m = under("verify,every-safepoint=1").build().unwrap().attach().unwrap();
    assert_eq!(*sum(&mut m, 50).1, 1275);
}

#[track_caller]
fn panics_of_another_mutator<R>(access: impl FnOnce() -> R) {
    let said = catch_unwind(AssertUnwindSafe(access)).map(drop).unwrap_err();
    assert!(said.downcast_ref::<&str>().unwrap().contains("expected the mutator that has entered the frame"));
}

#[test]
fn another_mutator_is_refused() {
    let (heap, other) = (checked().build().unwrap(), checked().build().unwrap());
    let mut same = heap.attach().unwrap().park();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [kept, vacant, vacant_too]| {
        let kept = kept.keep(m, m.alloc(7_u64));
        m.blocked(|| {
            other.with(|o| panics_of_another_mutator(|| *kept.get(o))).unwrap();
            other.with(|o| panics_of_another_mutator(|| kept.set(o, o.alloc(1)))).unwrap();
            other.with(|o| panics_of_another_mutator(|| vacant.keep(o, o.alloc(1_u64)))).unwrap();
            same.with(|o| panics_of_another_mutator(|| *kept.get(o))).unwrap();
            same.with(|o| panics_of_another_mutator(|| vacant_too.keep(o, o.alloc(1_u64)))).unwrap();
            // Its own, lent.
            heap.with(|m| assert_eq!(*kept.get(m), 7)).unwrap();
        });
        m.collect(Collect::Full);
        assert_eq!(*kept.get(m), 7);
    });
}

#[test]
fn frames_are_entered_wherever_a_mutator_is_lent() {
    fn nested(heap: &Heap, m: &mut Mutator, depth: u64) {
        m.frame(|m, [number]| {
            let number = number.keep(m, m.alloc(depth));
            if depth > 0 {
                m.blocked(|| heap.with(|m| nested(heap, m, depth - 1))).unwrap();
            }
            m.collect(Collect::Young);
            assert_eq!(*number.get(m), depth);
        });
    }
    let heap = checked().build().unwrap();
    heap.with(|m| nested(&heap, m, 20)).unwrap();
    let mut parked = heap.attach().unwrap().park();
    parked.with(|m| nested(&heap, m, 20)).unwrap();
    nested(&heap, &mut parked.enter().unwrap(), 20);
}

/// While a thread is blocked in its frames, others collect: as long as it is looked at, and when it is dormant.
#[test]
fn frames_of_blocked_threads_are_kept() {
    let heap = checked().build().unwrap();
    let (ready, wait) = mpsc::channel();
    let (go, turn) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let heap = &heap;
        let blocked = scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            m.frame(|m, [list]| {
                let list = list.keep(m, push(m, push(m, None, 1), 2));
                m.blocked(|| {
                    ready.send(()).unwrap();
                    turn.recv().unwrap();
                });
                assert_eq!(values(list.get(m)), [2, 1]);
                list.set(m, push(m, list.get(m), 3));
                m.collect(Collect::Young);
                assert_eq!(values(list.get(m)), [3, 2, 1]);
            });
        });
        wait.recv().unwrap();
        let mut m = heap.attach().unwrap();
        for round in 0..60 {
            m.alloc_slice_with(1000, |n| n);
            m.collect([Collect::Young, Collect::Promote, Collect::Full][usize::from(round % 20 == 0) * 2]);
        }
        m.compact();
        go.send(()).unwrap();
        m.blocked(|| blocked.join()).unwrap();
    });
}

/// A crate moves the mutator out of its reference, to put another one there. There is no other one, and this one is not ended.
#[test]
fn a_mutator_that_is_taken_out_stays() {
    fn heaps(build: impl Fn() -> HeapBuilder) -> [Heap; 2] {
        [build().build().unwrap(), build().build().unwrap()]
    }
    let [heap, other] = heaps(checked);
    let mut parked = Some(other.attach().unwrap().park());
    let mut m = heap.attach().unwrap();
    m.frame(|m, [number]| {
        let number = number.keep(m, m.alloc(7_u64));
        replace_with::replace_with_or_abort(m, |mut taken| {
            assert!(other.attach().is_err());
            assert!(heap.attach().is_err());
            let refused = parked.take().unwrap().enter().unwrap_err();
            // Nor where it is blocked.
            let refused = taken.blocked(|| refused.parked.enter().unwrap_err());
            parked = Some(refused.parked);
            taken.collect(Collect::Full);
            taken
        });
        m.collect(Collect::Full);
        assert_eq!(*number.get(m), 7);
    });
}

/// Pictures and counts of the heap have frames among the roots.
#[test]
fn frames_are_roots_of_a_picture() {
    let mut m = calm().auto(false).build().unwrap().attach().unwrap();
    let without = Graph::take(&mut m).unwrap().node_count();
    m.frame(|m, [list, _vacant]| {
        let list = list.keep(m, push(m, push(m, None, 1), 2));
        let graph = Graph::take(m).unwrap();
        assert_eq!(graph.node_count(), without + 3);
        let rooted: Vec<_> = graph.nodes().filter(|&node| graph.kind(node) == NodeKind::Rooted).collect();
        assert_eq!((rooted.len(), graph.type_name(rooted[0])), (1, "(kept in a frame)"));
        assert_eq!(graph.referents(rooted[0]).len(), 1);
        assert_eq!(values(list.get(m)), [2, 1]);
    });
}
