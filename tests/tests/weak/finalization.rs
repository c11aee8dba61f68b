//! Finalization queues, reference queues and callbacks, one property at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use gc_core::{
    Collect, Event, FinalizationQueue, Finalizer, Gc, Heap, Leaf, Level, Mutator, ReferenceQueue, Slot, Step, Trace,
    Unfinalized, WaitError,
};
use gc_tests::heaps::{self, settle};
use parking_lot::Mutex;

fn heap() -> Heap {
    heaps::checked().auto(false).build().unwrap()
}

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Slot<'gc, Node<'gc>>,
    text: Gc<'gc, str>,
    own: Leaf<Option<Arc<AtomicUsize>>>,
}

type Queue = FinalizationQueue<Node<'static>>;

fn node<'gc>(m: &'gc Mutator, number: u64) -> Gc<'gc, Node<'gc>> {
    m.alloc(Node { number, next: Slot::null(), text: m.alloc_str(&number.to_string()), own: Leaf(None) })
}

fn check(node: Gc<'_, Node<'_>>) -> u64 {
    assert_eq!(&*node.text, node.number.to_string());
    node.number
}

/// Makes an object that is dead in this generation: it has survived so many collections.
fn age(m: &mut Mutator, generation: Collect) {
    match generation {
        Collect::Young => {}
        Collect::Promote => drop(m.collect(Collect::Young)),
        Collect::Full => drop(m.collect(Collect::Promote)),
    }
}

const ALL: [Collect; 3] = [Collect::Young, Collect::Promote, Collect::Full];

#[test]
fn an_object_is_handed_over_alive_and_whole_and_once() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let queue = Queue::new(&heap);
    for generation in ALL {
        let object = m.root(node(&m, 1));
        object.get(&m).next.set(&m, Some(node(&m, 2)));
        object.get(&m).next.get().unwrap().next.set(&m, Some(object.get(&m)));
        queue.register(&m, object.get(&m));
        age(&mut m, generation);
        assert!(queue.is_empty());
        drop(object);
        m.collect(generation);
        let found = queue.poll(&m).unwrap();
        let next = found.next.get().unwrap();
        assert_eq!((check(found), check(next)), (1, 2));
        assert!(Gc::ptr_eq(next.next.get().unwrap(), found) && queue.poll(&m).is_none());
        assert!(!queue.is_registered(&m, found));
        m.collect(Collect::Full);
        assert!(queue.is_empty(), "{generation:?}");
    }
}

#[test]
fn what_is_handed_over_stays_alive_until_it_is_taken_and_as_long_as_it_is_kept() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let queue = Queue::new(&heap);
    for n in 0..100 {
        let object = node(&m, n);
        object.next.set(&m, Some(node(&m, n + 1000)));
        queue.register(&m, object);
    }
    for generation in ALL.into_iter().cycle().take(6) {
        m.collect(generation);
    }
    m.compact();
    assert_eq!(queue.len(), 100);
    let mut seen: Vec<u64> = Vec::new();
    let mut kept = m.root(Vec::<Gc<'_, Node<'_>>>::new());
    while let Some(object) = queue.poll(&m) {
        assert_eq!(check(object.next.get().unwrap()), object.number + 1000);
        seen.push(check(object));
        kept.get_mut(&m).push(object);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
    // It is an ordinary object again, and may be registered again.
    m.collect(Collect::Full);
    for &object in kept.borrow(&m).iter() {
        check(object.next.get().unwrap());
        assert!(queue.register(&m, object));
    }
    drop(kept);
    m.collect(Collect::Full);
    assert_eq!(queue.len(), 100);
}

#[test]
fn weak_references_are_cleared_before_anything_is_finalized() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let queue = Queue::new(&heap);
    let dead = ReferenceQueue::new(&heap);
    for generation in ALL {
        let object = m.root(node(&m, 1));
        object.get(&m).next.set(&m, Some(node(&m, 2)));
        queue.register(&m, object.get(&m));
        // To the object, and to what only the object leads to.
        let [own, inner] = [object.get(&m), object.get(&m).next.get().unwrap()];
        let weak = m.root([Gc::downgrade(own, &m), Gc::downgrade(inner, &m)]);
        dead.watch(&m, own, 1);
        dead.watch(&m, inner, 2);
        let id = Gc::id(own, &m);
        age(&mut m, generation);
        drop(object);
        m.collect(generation);
        let found = queue.poll(&m).unwrap();
        assert!(weak.borrow(&m).iter().all(|weak| weak.is_dead(&m) && weak.upgrade(&m).is_none()), "{generation:?}");
        let mut told = [dead.poll().unwrap(), dead.poll().unwrap()];
        told.sort_unstable();
        assert_eq!((told, dead.poll()), ([1, 2], None));
        // It is itself, and a new weak reference is another one.
        assert_eq!(Gc::id(found, &m), id);
        let again = Gc::downgrade(found, &m);
        assert!(again != weak.borrow(&m)[0] && again.upgrade(&m).is_some());
    }
}

#[test]
fn registration_can_end_and_be_asked_for() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let (a, b) = (Queue::new(&heap), Queue::new(&heap));
    let object = m.root(node(&m, 1));
    let get = |m: &Mutator, queue: &Queue| queue.is_registered(m, object.get(m));
    assert!(a.register(&m, object.get(&m)) && !a.register(&m, object.get(&m)));
    assert!(get(&m, &a) && !get(&m, &b));
    assert!(!b.unregister(&m, object.get(&m)) && a.unregister(&m, object.get(&m)));
    assert!(!get(&m, &a));
    // In both: it is handed to both.
    a.register(&m, object.get(&m));
    b.register(&m, object.get(&m));
    drop(object);
    m.collect(Collect::Young);
    assert!(Gc::ptr_eq(a.poll(&m).unwrap(), b.poll(&m).unwrap()));
}

#[test]
fn a_queue_that_nobody_has_finalizes_nothing() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let drops = Arc::new(AtomicUsize::new(0));
    let queue = FinalizationQueue::<Leaf<Counts>>::new(&heap);
    for generation in ALL {
        let object = m.root(m.alloc(Leaf(Counts(drops.clone()))));
        queue.register(&m, object.get(&m));
        age(&mut m, generation);
    }
    drop(queue);
    m.collect(Collect::Full);
    settle(&heap);
    assert_eq!(drops.load(Ordering::Relaxed), 3);
    // One whose objects wait.
    let queue = FinalizationQueue::<Leaf<Counts>>::new(&heap);
    queue.register(&m, m.alloc(Leaf(Counts(drops.clone()))));
    m.collect(Collect::Young);
    assert_eq!(queue.len(), 1);
    drop(queue);
    m.collect(Collect::Full);
    settle(&heap);
    assert_eq!(drops.load(Ordering::Relaxed), 4);
}

/// Counts how often it is dropped.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A value that is attached to an object panics when it is dropped, and wants a lock that the collecting thread has.
#[test]
fn values_that_nobody_can_take_are_dropped_on_a_thread_of_the_heap() {
    struct Nasty(Arc<Mutex<()>>, mpsc::Sender<thread::ThreadId>);
    impl Drop for Nasty {
        fn drop(&mut self) {
            drop(self.0.lock());
            self.1.send(thread::current().id()).unwrap();
            panic!("a value panics");
        }
    }
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let (lock, (sender, receiver)) = (Arc::new(Mutex::new(())), mpsc::channel());
    let dead = ReferenceQueue::new(&heap);
    let mut objects = Vec::new();
    for generation in ALL.into_iter().rev() {
        let object = m.root(node(&m, 1));
        dead.watch(&m, object.get(&m), Nasty(lock.clone(), sender.clone()));
        objects.push(object);
        age(&mut m, generation);
    }
    drop((dead, objects));
    let held = lock.lock();
    m.collect(Collect::Full);
    drop(held);
    for _ in ALL {
        assert_ne!(m.blocked(|| receiver.recv()).unwrap(), thread::current().id());
    }
    settle(&heap);
    assert_eq!(heap.stats().drops_panicked, 3);
}

#[test]
fn when_the_heap_ends_values_arrive_and_objects_go() {
    let drops = Arc::new(AtomicUsize::new(0));
    let heap = heap();
    let m = heap.attach().unwrap();
    let (dead, queue) = (ReferenceQueue::new(&heap), FinalizationQueue::<Leaf<Counts>>::new(&heap));
    let object = m.alloc(Leaf(Counts(drops.clone())));
    dead.watch(&m, object, 1);
    queue.register(&m, object);
    let waits = thread::spawn({
        let dead = dead.clone();
        move || (dead.wait(Duration::MAX), dead.wait(Duration::MAX), queue.wait(Duration::MAX))
    });
    drop((m, heap));
    assert_eq!(waits.join().unwrap(), (Ok(1), Err(WaitError::Ended), Err(WaitError::Ended)));
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn shutdown_hands_everything_over() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let queue = Queue::new(&heap);
    let kept = m.root((0..10).map(|n| node(&m, n)).collect::<Vec<_>>());
    kept.borrow(&m).iter().for_each(|&object| assert!(queue.register(&m, object)));
    m.collect(Collect::Full);
    (10..20).for_each(|n| assert!(queue.register(&m, node(&m, n))));
    let (sender, receiver) = mpsc::channel();
    let tell = |number: u64| {
        let sender = sender.clone();
        move |_: &mut Mutator| sender.send(number).unwrap()
    };
    let finalizers = [1, 2].map(|n| Finalizer::new(&m, kept.borrow(&m)[n], tell(n as u64)));
    finalizers[1].at_shutdown(false);
    m.on_death(kept.borrow(&m)[3], tell(3));
    assert_eq!(m.shutdown(), 1);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1]);
    let mut found: Vec<u64> = core::iter::from_fn(|| queue.poll(&m)).map(check).collect();
    found.sort_unstable();
    assert_eq!(found, (0..20).collect::<Vec<_>>());
    assert_eq!((m.shutdown(), queue.len()), (0, 0));
}

#[test]
fn a_callback_runs_once_where_the_program_says() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    for generation in ALL {
        let object = m.root(node(&m, 7));
        let counted = count.clone();
        let finalizer = Finalizer::new(&m, object.get(&m), move |m: &mut Mutator| {
            // It may do what a program does.
            m.alloc(1);
            m.safepoint();
            counted.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(finalizer.peek(&m).map(check), Some(7));
        age(&mut m, generation);
        drop(object);
        m.collect(generation);
        assert!(finalizer.is_alive() && finalizer.peek(&m).is_none());
        assert_eq!((m.run_callbacks(), m.run_callbacks()), (1, 0));
        assert!(!finalizer.is_alive() && !finalizer.call(&mut m));
    }
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

#[test]
fn a_callback_that_panics_is_over_and_the_next_ones_run() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    for n in 0..4 {
        let count = count.clone();
        m.on_death(m.alloc(n), move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            assert!(n % 2 == 0, "a callback panics");
        });
    }
    m.collect(Collect::Young);
    let run = |m: &mut Mutator| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| m.run_callbacks())).is_err();
    let panics = [(); 3].map(|()| run(&mut m));
    assert_eq!(panics.iter().filter(|&&panicked| panicked).count(), 2);
    assert_eq!(count.load(Ordering::Relaxed), 4);
}

#[test]
fn callbacks_run_on_a_thread_of_their_own() {
    let heap = heap();
    let callbacks = heap.spawn_callbacks().unwrap();
    let mut m = heap.attach().unwrap();
    let (sender, receiver) = mpsc::channel();
    for n in 0..10_u64 {
        let sender = sender.clone();
        m.on_death(node(&m, n), move |m: &mut Mutator| {
            sender.send((check(node(m, n)), thread::current().id())).unwrap();
            assert!(n != 5, "a callback panics");
        });
    }
    m.collect(Collect::Young);
    let mut ran: Vec<u64> = m
        .blocked(|| (0..10).map(|_| receiver.recv().unwrap()).collect::<Vec<_>>())
        .into_iter()
        .map(|(n, thread)| {
            assert_ne!(thread, thread::current().id());
            n
        })
        .collect();
    ran.sort_unstable();
    assert_eq!(ran, (0..10).collect::<Vec<_>>());
    m.blocked(|| drop(callbacks));
    m.on_death(m.alloc(1), |_| ());
    m.collect(Collect::Young);
    assert_eq!(m.run_callbacks(), 1);
}

#[test]
fn what_is_registered_in_another_heap_is_refused() {
    let (one, other) = (heap(), heap());
    let m = one.attach().unwrap();
    let queue = Queue::new(&other);
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queue.register(&m, node(&m, 1))));
    let message = *refused.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("expected a mutator of the queue's own heap"), "{message}");
}

/// A registered object that leads to another one, and back, and to one that is weakly held: each finds the other whole.
#[test]
fn registered_objects_that_lead_to_each_other_are_all_handed_over() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let queue = Queue::new(&heap);
    for generation in ALL {
        let first = m.root(node(&m, 0));
        let mut last = first.get(&m);
        for n in 1..50 {
            let next = node(&m, n);
            last.next.set(&m, Some(next));
            queue.register(&m, last);
            last = next;
        }
        last.next.set(&m, Some(first.get(&m)));
        queue.register(&m, last);
        age(&mut m, generation);
        drop(first);
        m.collect(generation);
        assert_eq!(queue.len(), 50, "{generation:?}");
        let mut found: Vec<u64> = Vec::new();
        while let Some(object) = queue.poll(&m) {
            assert_eq!(check(object.next.get().unwrap()), (object.number + 1) % 50);
            found.push(check(object));
        }
        found.sort_unstable();
        assert_eq!(found, (0..50).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_not_finalized_is_dropped_at_the_end_of_the_heap_or_leaks_as_the_program_says() {
    for (unfinalized, dropped) in [(Unfinalized::Dropped, 4), (Unfinalized::Leaked, 1)] {
        let drops = Arc::new(AtomicUsize::new(0));
        let heap = heaps::checked().auto(false).unfinalized(unfinalized).build().unwrap();
        let mut m = heap.attach().unwrap();
        let queue = FinalizationQueue::<Leaf<Counts>>::new(&heap);
        let closed = FinalizationQueue::<Leaf<Counts>>::new(&heap);
        let counts = |m: &Mutator| m.root(m.alloc(Leaf(Counts(drops.clone()))));
        let objects = [(); 4].map(|()| counts(&m));
        // One in the queue, one young, one old, and one whose queue is closed.
        queue.register(&m, objects[0].get(&m));
        queue.register(&m, objects[1].get(&m));
        closed.register(&m, objects[3].get(&m));
        let [first, others @ ..] = objects;
        drop(first);
        m.collect(Collect::Promote);
        queue.register(&m, others[1].get(&m));
        assert_eq!(queue.len(), 1);
        drop((m, others, closed));
        drop(heap);
        assert_eq!(drops.load(Ordering::Relaxed), dropped, "{unfinalized:?}");
        drop(queue);
    }
}

#[test]
fn a_program_that_takes_too_little_is_told() {
    let told = Arc::new(AtomicUsize::new(0));
    let tell = told.clone();
    let heap = heaps::calm().auto(false).on_event(Level::Warning, move |event| {
        if let Event::QueuesBehind { news, objects, .. } = event {
            tell.fetch_add(news + objects, Ordering::Relaxed);
        }
    });
    let heap = heap.build().unwrap();
    let mut m = heap.attach().unwrap();
    let (dead, queue) = (ReferenceQueue::new(&heap), FinalizationQueue::<u64>::new(&heap));
    for n in 0..40_000 {
        let object = m.alloc(n);
        dead.watch(&m, object, n);
        queue.register(&m, object);
    }
    m.collect(Collect::Young);
    heaps::wait_until("the hook is told", || told.load(Ordering::Relaxed) == 80_000);
    let stats = heap.stats();
    assert_eq!((stats.news_waiting, stats.finalization_waiting, stats.registered), (40_000, 40_000, 0));
    while dead.poll().is_some() && queue.poll(&m).is_some() {}
    m.collect(Collect::Young);
    let stats = heap.stats();
    assert_eq!((stats.news_waiting, stats.finalization_waiting, told.load(Ordering::Relaxed)), (0, 0, 80_000));
}

/// The table forgets an object of which nothing is to be known any more, though it lives.
#[test]
fn a_registration_that_has_ended_leaves_nothing() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let (queue, dead) = (Queue::new(&heap), ReferenceQueue::new(&heap));
    let objects = [(); 2].map(|()| m.root(node(&m, 1)));
    for round in 0..2 {
        for object in &objects {
            queue.register(&m, object.get(&m));
            dead.watch(&m, object.get(&m), ());
        }
        assert_eq!(heap.stats().registered, 2);
        for object in &objects {
            assert_eq!(dead.unwatch(&m, object.get(&m)), [()]);
            assert!(queue.unregister(&m, object.get(&m)));
        }
        assert_eq!(heap.stats().registered, 0, "round {round}");
        m.collect(Collect::Promote);
    }
}

/// A cycle that clears weak references has a pause more, which counts.
#[test]
fn the_pause_that_begins_clearing_is_told_and_counted() {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let told = steps.clone();
    let heap = heaps::calm().auto(false).on_event(Level::Debug, move |event| {
        if let Event::Pause { step, pause, .. } = event {
            told.lock().push((*step, *pause));
        }
    });
    let heap = heap.build().unwrap();
    let mut m = heap.attach().unwrap();
    let object = m.root(m.alloc(1_u64));
    for (registered, expected) in
        [(false, vec![Step::Begin, Step::Finish]), (true, vec![Step::Begin, Step::Clear, Step::Finish])]
    {
        if registered {
            Gc::id(object.get(&m), &m);
        }
        steps.lock().clear();
        let report = m.collect(Collect::Full);
        heaps::wait_until("the pauses are told", || {
            steps.lock().iter().filter(|(step, _)| *step != Step::Whole).count() >= expected.len()
        });
        let steps = steps.lock();
        let pauses: Vec<_> = steps.iter().filter(|(step, _)| *step != Step::Whole).collect();
        // Each is told by the thread that led it, in no order.
        assert_eq!(pauses.len(), expected.len());
        assert!(expected.iter().all(|step| pauses.iter().any(|(told, _)| told == step)), "{pauses:?}");
        assert_eq!(report.pause, pauses.iter().map(|(_, pause)| *pause).sum::<Duration>());
    }
}
