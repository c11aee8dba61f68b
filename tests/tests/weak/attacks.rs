//! What a review has tried to break: programs that use weak references, identities, queues and ephemerons as no one should.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use gc_core::{
    Collect, Ephemeron, FinalizationQueue, Finalizer, Gc, Heap, Leaf, Mutator, ReferenceQueue, Root, Slot, Trace,
    Unfinalized, Weak, WeakSlot, blocking,
};
use gc_tests::{
    heaps::{calm, checked, settle, under, wait_until},
    random::Random,
    sizes::scaled,
};
use parking_lot::Mutex;

fn heap() -> Heap {
    checked().auto(false).build().unwrap()
}

/// Counts how often it is dropped.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// What a weak reference says is what the object says, also when no weak reference is left in between.
#[test]
fn an_identity_that_a_weak_reference_has_told_stays() {
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let object = m.root(m.alloc(1_u64));
        if generation == Collect::Full {
            m.collect(Collect::Full);
        }
        let told = Gc::downgrade(object.get(&m), &m).id();
        m.collect(generation);
        m.collect(generation);
        assert_eq!(told, Some(Gc::id(object.get(&m), &m)), "{generation:?}");
    }
}

/// Also of an object that comes back from the dead.
#[test]
fn an_identity_that_a_weak_reference_has_told_stays_with_what_is_finalized() {
    for generation in [Collect::Young, Collect::Full] {
        for asked_before in [true, false] {
            let heap = heap();
            let mut m = heap.attach().unwrap();
            let queue = FinalizationQueue::<u64>::new(&heap);
            let object = m.root(m.alloc(1_u64));
            if generation == Collect::Full {
                m.collect(Collect::Full);
            }
            queue.register(&m, object.get(&m));
            let weak = m.root(Gc::downgrade(object.get(&m), &m));
            let before = asked_before.then(|| weak.get(&m).id());
            drop(object);
            m.collect(generation);
            assert!(weak.get(&m).is_dead(&m));
            let told = before.unwrap_or_else(|| weak.get(&m).id());
            let object = queue.poll(&m).unwrap();
            assert_eq!(told, Some(Gc::id(object, &m)), "{generation:?}");
        }
    }
}

/// Callbacks that own a queue of the heap: nobody can run them any more when that has ended.
#[test]
fn callbacks_that_own_a_queue_of_their_heap_are_dropped_with_it() {
    for dies in [false, true] {
        let dropped = Arc::new(AtomicUsize::new(0));
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let queue = FinalizationQueue::<u64>::new(&heap);
        let object = m.alloc(1_u64);
        let (own, counts) = (queue.clone(), Counts(dropped.clone()));
        m.on_death(object, move |m| {
            let _counts = counts;
            while own.poll(m).is_some() {}
        });
        if dies {
            m.collect(Collect::Full);
        }
        drop((m, heap, queue));
        wait_until("the callback was dropped", || dropped.load(Relaxed) == 1);
    }
}

/// Callbacks are short, and many: a thread that runs them comes to a safepoint before each.
#[test]
fn threads_that_run_callbacks_hold_up_no_collection() {
    const CALLBACKS: usize = 3000;
    let heap = calm().auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let (ask, asked) = mpsc::channel::<()>();
    let there = heap.clone();
    let other = thread::spawn(move || {
        asked.recv().unwrap();
        there.attach().unwrap().collect(Collect::Young);
    });
    let turn = Arc::new(AtomicUsize::new(0));
    for _ in 0..CALLBACKS {
        let (turn, ask) = (turn.clone(), ask.clone());
        m.on_death(m.alloc(1_u64), move |m| {
            let minor = |m: &Mutator| m.heap().stats().collections.young;
            match turn.fetch_add(1, Relaxed) {
                0 => {
                    assert_eq!(minor(m), 1);
                    ask.send(()).unwrap();
                    wait_until("another thread wants to collect", || m.safepoint_pending());
                }
                last if last + 1 == CALLBACKS => assert_eq!(minor(m), 2, "it has not collected"),
                // What was pending may have been something else: the other thread is given time.
                _ if minor(m) == 1 => thread::sleep(core::time::Duration::from_millis(1)),
                _ => {}
            }
        });
    }
    m.collect(Collect::Young);
    assert_eq!(m.run_callbacks(), CALLBACKS);
    blocking::join(&mut m, other).unwrap();
}

/// The callback that runs needs a collection, for which this thread has to come to a safepoint.
#[test]
fn a_thread_that_runs_a_mutator_ends_the_thread_of_callbacks() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let callbacks = heap.spawn_callbacks().unwrap();
    let (began, begins) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    m.on_death(m.alloc(1_u64), move |m| {
        began.send(()).unwrap();
        m.collect(Collect::Full);
        end.send(()).unwrap();
    });
    m.collect(Collect::Young);
    m.blocked(|| begins.recv().unwrap());
    drop(callbacks);
    m.blocked(|| ended.recv().unwrap());
}

/// Begins a cycle in which `first` dies. Returns when that is so, and the rest of the cycle is still to come.
fn begin_to_clear(m: &mut Mutator, first: &Root<Weak<'static, Own>>) {
    m.collect(Collect::Young);
    wait_until("the first object is dead", || {
        m.safepoint();
        first.get(m).is_dead(m)
    });
}

/// What lives in the heap, and counts how often it is dropped.
type Own = Leaf<Counts>;

/// What was found dead already, and is not yet handed over or told, is part of what a shutdown hands over and runs.
#[test]
fn a_shutdown_while_weak_references_are_cleared_loses_nothing() {
    let heap = under("slow-marker=8,full-every=1").auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    const NUMBER: usize = 3000;
    for _ in 0..3 {
        let (queue, dropped) = (FinalizationQueue::<Own>::new(&heap), Arc::new(AtomicUsize::new(0)));
        let objects = m.alloc_slice_with(NUMBER, |_| Slot::new(Some(m.alloc(Leaf(Counts(dropped.clone()))))));
        let objects = m.root(objects);
        let ran = Arc::new(AtomicUsize::new(0));
        let finalizers: Vec<_> = (objects.get(&m).iter())
            .map(|object| {
                let ran = ran.clone();
                let object = object.get().unwrap();
                queue.register(&m, object);
                Finalizer::new(&m, object, move |_| {
                    ran.fetch_add(1, Relaxed);
                })
            })
            .collect();
        m.collect(Collect::Full);
        let first = m.root(Gc::downgrade(objects.get(&m)[0].get().unwrap(), &m));
        drop(objects);
        begin_to_clear(&mut m, &first);
        m.shutdown();
        let mut handed = 0;
        while queue.poll(&m).is_some() {
            handed += 1;
        }
        assert_eq!((handed, ran.load(Relaxed)), (NUMBER, NUMBER));
        assert!(finalizers.iter().all(|finalizer| !finalizer.is_alive()));
        m.collect(Collect::Full);
        assert!(queue.is_empty());
    }
}

/// They are to be finalized until somebody has taken them.
#[test]
fn objects_that_are_being_handed_over_when_the_heap_ends_leak_if_they_are_to() {
    let heap = under("slow-marker=8,full-every=1").auto(false).unfinalized(Unfinalized::Leaked).build().unwrap();
    let mut m = heap.attach().unwrap();
    const NUMBER: usize = 3000;
    let (queue, dropped) = (FinalizationQueue::<Own>::new(&heap), Arc::new(AtomicUsize::new(0)));
    let objects = m.alloc_slice_with(NUMBER, |_| Slot::new(Some(m.alloc(Leaf(Counts(dropped.clone()))))));
    objects.iter().for_each(|object| assert!(queue.register(&m, object.get().unwrap())));
    let objects = m.root(objects);
    m.collect(Collect::Full);
    let first = m.root(Gc::downgrade(objects.get(&m)[0].get().unwrap(), &m));
    drop(objects);
    begin_to_clear(&mut m, &first);
    // Some are on their way by now.
    for _ in 0..20 {
        m.blocked(|| thread::sleep(std::time::Duration::from_micros(100)));
    }
    drop((first, m, heap));
    assert_eq!(dropped.load(Relaxed), 0);
    drop(queue);
}

/// Objects without a word of their own, and ones that are aligned, are as much themselves as others.
#[test]
fn objects_of_all_shapes_are_registered() {
    #[derive(Trace)]
    #[repr(align(64))]
    struct Aligned(u8);
    for profile in ["verify", "verify,compact-always", "verify,promote-random,to-space-full=2,compact-all=2"] {
        let heap = under(profile).auto(false).build().unwrap();
        let mut m = heap.attach().unwrap();
        const NUMBER: usize = 200;
        let units = m.root(m.alloc_slice_with(NUMBER, |_| m.alloc(())));
        let empty = m.root(m.alloc_slice_with(NUMBER, |_| m.alloc_slice_with(0, |n| n)));
        let aligned = m.root(m.alloc_slice_with(NUMBER, |n| m.alloc(Aligned(n as u8))));
        let weak = m.root((
            m.alloc_slice_with(NUMBER, |n| Gc::downgrade(units.get(&m)[n], &m)),
            m.alloc_slice_with(NUMBER, |n| Gc::downgrade(empty.get(&m)[n], &m)),
            m.alloc_slice_with(NUMBER, |n| Gc::downgrade(aligned.get(&m)[n], &m)),
        ));
        let mut ids = Vec::new();
        for generation in [Collect::Young, Collect::Promote, Collect::Full, Collect::Full] {
            m.collect(generation);
            let found = {
                let weak = weak.borrow(&m);
                let mut found = Vec::new();
                for n in 0..NUMBER {
                    let all = (weak.0[n].upgrade(&m), weak.1[n].upgrade(&m), weak.2[n].upgrade(&m));
                    let (unit, empty, aligned) = (all.0.unwrap(), all.1.unwrap(), all.2.unwrap());
                    assert!(aligned.0 == n as u8 && empty.is_empty() && Gc::ptr_eq(unit, units.get(&m)[n]));
                    found.extend([Gc::id(unit, &m), Gc::id(empty, &m), Gc::id(aligned, &m)]);
                }
                found
            };
            assert_eq!(found.iter().collect::<std::collections::HashSet<_>>().len(), 3 * NUMBER);
            assert!(ids.is_empty() || ids == found);
            ids = found;
        }
    }
}

/// An object among others, which says who it is in three ways.
#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    text: Gc<'gc, str>,
    strong: [Slot<'gc, Node<'gc>>; 2],
    weak: WeakSlot<'gc, Node<'gc>>,
    first: Weak<'gc, Node<'gc>>,
    large: WeakSlot<'gc, [u64]>,
    own_large: Slot<'gc, [u64]>,
    note: Slot<'gc, Note<'gc>>,
    _own: Leaf<Counts>,
}

/// Says something of an object, in another one.
#[derive(Trace)]
struct Note<'gc> {
    of: u64,
    pair: Ephemeron<'gc, Node<'gc>, Node<'gc>>,
    next: Slot<'gc, Note<'gc>>,
}

const PLACES: usize = 24;
const MOST: usize = 30_000;

/// What threads share.
struct Shared {
    heap: Heap,
    strong: Root<Gc<'static, [Slot<'static, Node<'static>>]>>,
    weak: Root<Gc<'static, [WeakSlot<'static, Node<'static>>]>>,
    queue: FinalizationQueue<Node<'static>>,
    dead: ReferenceQueue<u64>,
    numbers: AtomicUsize,
    dropped: Arc<AtomicUsize>,
    ids: Mutex<HashMap<u64, u64>>,
    numbers_of: Mutex<HashMap<u64, u64>>,
    registered: Vec<AtomicU8>,
    handed: Vec<AtomicU8>,
    watched: Vec<AtomicU8>,
    told: Vec<AtomicU8>,
}

impl Shared {
    fn check<'gc>(&self, m: &'gc Mutator, node: Gc<'gc, Node<'gc>>) -> Gc<'gc, Node<'gc>> {
        assert_eq!(&*node.text, node.number.to_string(), "a live object was freed or moved");
        if let Some(large) = node.own_large.get() {
            assert!(large.iter().all(|&word| word == node.number), "a live large object was freed");
        }
        if let Some(first) = node.first.upgrade(m) {
            assert_eq!(&*first.text, first.number.to_string(), "a weak target was freed or moved");
        }
        node
    }

    fn id<'gc>(&self, m: &'gc Mutator, node: Gc<'gc, Node<'gc>>) {
        let id = Gc::id(node, m);
        assert_eq!(*self.ids.lock().entry(node.number).or_insert(id), id, "an identity changes");
        assert_eq!(*self.numbers_of.lock().entry(id).or_insert(node.number), node.number, "two with one id");
    }

    fn make<'gc>(&self, m: &'gc Mutator, first: Weak<'gc, Node<'gc>>) -> Option<Gc<'gc, Node<'gc>>> {
        let number = self.numbers.fetch_add(1, Relaxed);
        if number >= MOST {
            return None;
        }
        let large = number.is_multiple_of(40).then(|| m.alloc_slice_with(9000, |_| number as u64));
        Some(m.alloc(Node {
            number: number as u64,
            text: m.alloc_str(&number.to_string()),
            strong: Default::default(),
            weak: WeakSlot::dangling(),
            first,
            large: large.map_or(WeakSlot::dangling(), |large| WeakSlot::new(Gc::downgrade(large, m))),
            own_large: Slot::new(large),
            note: Slot::null(),
            _own: Leaf(Counts(self.dropped.clone())),
        }))
    }

    fn register<'gc>(&self, m: &'gc Mutator, node: Gc<'gc, Node<'gc>>) {
        if self.queue.register(m, node) {
            self.registered[node.number as usize].fetch_add(1, Relaxed);
        }
    }

    fn take<'gc>(&self, m: &'gc Mutator) -> Option<Gc<'gc, Node<'gc>>> {
        let node = self.queue.poll(m)?;
        self.handed[node.number as usize].fetch_add(1, Relaxed);
        Some(self.check(m, node))
    }

    fn take_news(&self) {
        while let Some(number) = self.dead.poll() {
            self.told[number as usize].fetch_add(1, Relaxed);
        }
    }

    fn work(&self, seed: u64, steps: u64) {
        let mut m = self.heap.attach().unwrap();
        let mut random = Random::new(seed);
        for _ in 0..steps {
            let [a, b] = [(); 2].map(|()| random.below(PLACES as u64) as usize);
            let side = random.below(2) as usize;
            let (strong, weak) = (self.strong.get(&m), self.weak.get(&m));
            let [one, other] = [a, b].map(|place| strong[place].get().map(|node| self.check(&m, node)));
            match random.below(20) {
                0..5 => {
                    let first = one.map_or(Weak::dangling(), |one| Gc::downgrade(one, &m));
                    if let Some(node) = self.make(&m, first) {
                        if random.below(2) == 0 {
                            self.register(&m, node);
                        }
                        if random.below(3) == 0 {
                            self.dead.watch(&m, node, node.number);
                            self.watched[node.number as usize].fetch_add(1, Relaxed);
                        }
                        if random.below(3) == 0 {
                            self.id(&m, node);
                        }
                        node.strong[side].set(&m, other);
                        strong[a].set(&m, Some(node));
                    }
                }
                5 | 6 => {
                    if let (Some(one), Some(other)) = (one, other) {
                        one.strong[side].set(&m, Some(other));
                    }
                }
                7 => {
                    if let Some(one) = one {
                        one.strong[side].set(&m, None);
                    }
                }
                8 | 9 => strong[a].set(&m, None),
                10 | 11 => {
                    if let Some(one) = one {
                        let found = Gc::downgrade(one, &m);
                        assert!(Gc::ptr_eq(found.upgrade(&m).unwrap(), one));
                        weak[b].set(&m, found);
                        if let Some(other) = other {
                            other.weak.set(&m, found);
                        }
                    }
                }
                12..15 => {
                    // What is read is alive, may be kept, and is the one that it was.
                    if let Some(found) = weak[a].get().upgrade(&m) {
                        self.check(&m, found);
                        self.id(&m, found);
                        strong[b].set(&m, Some(found));
                    }
                    if let Some(found) = one.and_then(|one| one.weak.get().upgrade(&m)) {
                        self.check(&m, found);
                        strong[b].set(&m, Some(found));
                    }
                    if let Some(large) = one.and_then(|one| one.large.get().upgrade(&m)) {
                        assert!(large.iter().all(|&word| word == large[0]));
                    }
                }
                15 => {
                    if let (Some(one), Some(other)) = (one, other)
                        && let Some(value) = self.make(&m, Weak::dangling())
                    {
                        value.strong[side].set(&m, Some(one));
                        let pair = Ephemeron::new(&m, one, value);
                        let note = m.alloc(Note { of: one.number, pair, next: Slot::new(other.note.get()) });
                        if random.below(4) != 0 {
                            other.note.set(&m, Some(note));
                        }
                        if random.below(2) == 0 {
                            self.register(&m, value);
                        }
                    }
                }
                16 => {
                    let mut note = one.and_then(|one| one.note.get());
                    for _ in 0..20 {
                        let Some(found) = note else { break };
                        if let Some((key, value)) = found.pair.get(&m) {
                            assert_eq!(self.check(&m, key).number, found.of);
                            self.check(&m, value);
                            strong[b].set(&m, Some(if side == 0 { key } else { value }));
                        }
                        note = found.next.get();
                    }
                }
                17 => {
                    if let Some(node) = self.take(&m) {
                        match random.below(4) {
                            0 => self.register(&m, node),
                            1 => strong[a].set(&m, Some(node)),
                            2 => weak[a].set(&m, Gc::downgrade(node, &m)),
                            _ => self.id(&m, node),
                        }
                    }
                }
                18 => self.take_news(),
                _ => match random.below(60) {
                    0 => {
                        m.collect(Collect::Full);
                    }
                    1..4 => {
                        m.collect(Collect::Promote);
                    }
                    4 => {
                        m.compact();
                    }
                    _ => m.safepoint(),
                },
            }
            m.safepoint();
        }
    }
}

fn run(profile: &str, seed: u64) {
    let heap = under(profile).chunk_bytes(64 << 10).nursery_bytes(256 << 10).build().unwrap();
    let counters = || (0..MOST).map(|_| AtomicU8::new(0)).collect::<Vec<_>>();
    let mut m = heap.attach().unwrap();
    let shared = Shared {
        strong: m.root(m.alloc_slice_with(PLACES, |_| Slot::<Node>::null())),
        weak: m.root(m.alloc_slice_with(PLACES, |_| WeakSlot::<Node>::dangling())),
        queue: FinalizationQueue::new(&heap),
        dead: ReferenceQueue::new(&heap),
        heap: heap.clone(),
        numbers: AtomicUsize::new(0),
        dropped: Arc::default(),
        ids: Mutex::default(),
        numbers_of: Mutex::default(),
        registered: counters(),
        handed: counters(),
        watched: counters(),
        told: counters(),
    };
    blocking::scope(&mut m, |scope| {
        for thread in 0..4 {
            let shared = &shared;
            scope.spawn(move || shared.work(seed * 4 + thread, scaled(1500)));
        }
    });
    shared.strong.get(&m).iter().for_each(|place| place.set(&m, None));
    let mut rounds = 0;
    loop {
        m.collect(Collect::Full);
        shared.take_news();
        let mut some = false;
        while shared.take(&m).is_some() {
            some = true;
        }
        rounds += 1;
        if !some && rounds > 2 {
            break;
        }
    }
    assert!(shared.weak.get(&m).iter().all(|weak| weak.get().is_dead(&m)));
    let counts = |of: &[AtomicU8]| of.iter().map(|count| count.load(Relaxed)).collect::<Vec<_>>();
    assert_eq!(counts(&shared.registered), counts(&shared.handed));
    assert_eq!(counts(&shared.watched), counts(&shared.told));
    settle(&heap);
    assert_eq!(shared.dropped.load(Relaxed), shared.numbers.load(Relaxed).min(MOST));
    assert_eq!(heap.stats().registered, 0);
}

#[test]
fn threads_that_do_everything_lose_nothing() {
    run("", 1);
    run("verify,every-safepoint=200,full-every=3", 2);
    run("verify,every-safepoint=200,full-every=2,slow-marker=20,compact-always", 3);
    run("verify,every-safepoint=150,full-every=2,slow-marker=10,workers=3,promote-random,compact-random", 4);
    run("verify,every-safepoint=200,promote-never,to-space-full=3,workers=2,full-every=4", 5);
    run("verify,every-safepoint=300,stopped,full-every=2,compact-all=5", 6);
    run("verify,every-safepoint=300,slow-marker=5,full-every=2,compact-all=7,promote-always", 7);
}
