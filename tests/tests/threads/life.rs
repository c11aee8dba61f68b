//! The life of mutators on one heap: threads that come and go, wait, panic and leave things behind.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use gc_core::{AttachError, Collect, Event, Gc, GcCell, Heap, Level, Mutator, Root, Slot, Trace, blocking};
use gc_tests::heaps::TIMEOUT;
use parking_lot::Mutex;

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Slot<'gc, Node<'gc>>,
    bag: GcCell<Vec<Gc<'gc, Node<'gc>>>>,
}

fn node<'gc>(value: u64) -> Node<'gc> {
    Node { value, next: Slot::null(), bag: GcCell::default() }
}

/// A heap whose collections come often, and check themselves in builds that can afford it.
fn small_heap() -> Heap {
    let stress = if cfg!(debug_assertions) { "verify" } else { "" };
    Heap::builder().chunk_bytes(16 << 10).nursery_bytes(64 << 10).stress(stress.parse().unwrap()).build().unwrap()
}

/// Runs `work` on so many threads, each with a mutator, while this one is blocked; what they return, in order.
///
/// Each thread is joined: ThreadSanitizer does not see that a scope waits for its threads.
fn together<R: Send>(m: &mut Mutator, threads: u64, work: impl Fn(u64, &mut Mutator) -> R + Sync) -> Vec<R> {
    let heap = m.heap();
    let (heap, work) = (&heap, &work);
    blocking::scope(m, |scope| {
        let start = |id| scope.spawn(move || work(id, &mut heap.attach().unwrap()));
        let handles: Vec<_> = (0..threads).map(start).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

#[test]
fn threads_share_what_each_allocates() {
    const THREADS: u64 = 4;
    const EACH: u64 = 500;
    let heap = small_heap();
    let mut m = heap.attach().unwrap();
    let lists = m.root(m.alloc_slice_with::<Slot<Node>>(THREADS as usize, |_| Slot::null()));
    let all = m.root(m.alloc(node(0)));
    together(&mut m, THREADS, |id, m| {
        for i in 0..EACH {
            let list = &lists.get(m)[id as usize];
            let new = m.alloc(Node { value: id * EACH + i, next: Slot::new(list.get()), bag: GcCell::default() });
            list.set(m, Some(new));
            all.get(m).bag.borrow_mut(m).push(new);
            m.alloc([i; 20]);
            m.safepoint();
        }
    });
    m.collect(Collect::Full);
    for id in 0..THREADS {
        let mut next = lists.get(&m)[id as usize].get();
        for i in (0..EACH).rev() {
            let here = next.expect("each list has all that its thread made");
            assert_eq!(here.value, id * EACH + i);
            next = here.next.get();
        }
        assert!(next.is_none());
    }
    let mut values: Vec<u64> = all.get(&m).bag.borrow(&m).iter().map(|n| n.value).collect();
    values.sort_unstable();
    assert!(values.into_iter().eq(0..THREADS * EACH), "no push is lost");
    assert!(heap.stats().collections.total() > 1);
}

#[test]
fn a_cell_counts_right_however_many_add_to_it() {
    let heap = small_heap();
    let mut m = heap.attach().unwrap();
    let counter = m.root(m.alloc(GcCell::new(0_u64)));
    together(&mut m, 3, |_, m| {
        for _ in 0..2_000 {
            *counter.get(m).borrow_mut(m) += 1;
            m.safepoint();
        }
    });
    assert_eq!(counter.get(&m).get(&m), 6_000);
    // Alone again, after a collection: without atomic operations.
    m.collect(Collect::Young);
    counter.get(&m).set(&m, 1);
    assert_eq!(*counter.get(&m).borrow(&m), 1);
}

#[test]
fn swaps_never_return_a_value_twice() {
    const TOKENS: usize = 64;
    let heap = small_heap();
    let mut m = heap.attach().unwrap();
    let slots = m.root(m.alloc_slice_with(TOKENS, |i| Slot::new(Some(m.alloc(i)))));
    let each = together(&mut m, 3, |_, m| {
        let mut mine = Vec::new();
        for round in 0..TOKENS * 3 {
            mine.extend(slots.get(m)[round % TOKENS].take(m).map(|token| *token));
            m.safepoint();
        }
        mine
    });
    let mut taken: Vec<usize> = each.into_iter().flatten().collect();
    taken.sort_unstable();
    assert!(taken.into_iter().eq(0..TOKENS));
}

#[test]
fn attaching_and_detaching_by_the_thousand_meets_collections() {
    let heap = small_heap();
    let mut m = heap.attach().unwrap();
    let list = m.root(m.alloc(node(0)));
    blocking::scope(&mut m, |scope| {
        let (heap, list) = (&heap, &list);
        let start = |id| {
            scope.spawn(move || {
                for round in 0..300 {
                    let mut m = heap.attach().unwrap();
                    let head = list.get(&m);
                    let new = m.alloc(Node { value: id, next: Slot::new(head.next.get()), bag: GcCell::default() });
                    head.next.set(&m, Some(new));
                    if round % 50 == 0 {
                        m.collect(Collect::Young);
                    }
                }
            })
        };
        let handles: Vec<_> = (0..4).map(start).collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
    assert!(list.get(&m).next.get().is_some());
}

#[test]
fn roots_go_to_other_threads_and_are_dropped_there_at_any_time() {
    struct Counts(&'static AtomicUsize);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    const ROOTS: usize = 600;
    let heap = small_heap();
    let (send, receive) = mpsc::channel::<Root<gc_core::Leaf<Counts>>>();
    let dropper = thread::spawn(move || receive.into_iter().map(drop).count());
    let mut m = heap.attach().unwrap();
    for i in 0..ROOTS {
        send.send(m.root(gc_core::Leaf(Counts(&DROPPED)))).unwrap();
        if i % 50 == 0 {
            m.collect(Collect::Young);
        }
    }
    drop(m);
    drop(send);
    assert_eq!(dropper.join().unwrap(), ROOTS);
    drop(heap);
    assert_eq!(DROPPED.load(Ordering::Relaxed), ROOTS);
}

#[test]
fn a_thread_that_never_reaches_a_safepoint_is_named() {
    let (send, events) = mpsc::channel();
    let send = Mutex::new(send);
    let heap = Heap::builder()
        .on_event(Level::Warning, move |event| drop(send.lock().send(event.to_string())))
        .build()
        .unwrap();
    let there = heap.clone();
    let (attached, wait) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let busy = thread::Builder::new().name("busy".to_owned()).spawn(move || {
        let mut m = there.attach().unwrap();
        attached.send(()).unwrap();
        // Waits without `blocked`, as it should not.
        released.recv().unwrap();
        m.safepoint();
    });
    wait.recv().unwrap();
    let there = heap.clone();
    let second = thread::spawn(move || drop(there.attach().unwrap()));
    let told = events.recv_timeout(TIMEOUT).unwrap();
    assert!(told.contains("late_for_safepoint") && told.contains("busy"), "{told}");
    release.send(()).unwrap();
    second.join().unwrap();
    busy.unwrap().join().unwrap();
    assert!(heap.slowest_to_safepoint().is_none(), "attaching is no collection");
}

#[test]
fn a_late_thread_is_named_with_its_last_safepoint() {
    let (send, events) = mpsc::channel();
    let send = Mutex::new(send);
    let heap = Heap::builder()
        .stress("trace-safepoints".parse().unwrap())
        .late_after(Duration::from_millis(5))
        .on_event(Level::Warning, move |event| {
            // This thread may be late as well: while the other one attaches.
            if let Event::Late { thread, last_safepoint, .. } = event
                && thread.contains("busy")
            {
                let _ = send.lock().send(*last_safepoint);
            }
        })
        .build()
        .unwrap();
    let there = heap.clone();
    let (told, wait) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let mut m = heap.attach().unwrap();
    let busy = thread::Builder::new().name("busy".to_owned()).spawn(move || {
        let mut m = there.attach().unwrap();
        let line = line!() + 1;
        m.safepoint();
        told.send(line).unwrap();
        // Waits without `blocked`, as it should not.
        released.recv().unwrap();
    });
    let line = blocking::recv(&mut m, &wait).unwrap();
    let watcher = thread::spawn(move || {
        let place = events.recv_timeout(TIMEOUT);
        release.send(()).unwrap();
        place.unwrap().expect("a place")
    });
    m.collect(Collect::Young);
    let place = watcher.join().unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line));
    busy.unwrap().join().unwrap();
}

#[test]
fn attaching_gives_up_in_time_and_stops_nobody() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let there = heap.clone();
    let late = thread::spawn(move || there.attach_timeout(Duration::from_millis(20)).map(drop));
    let Err(AttachError::TimedOut { threads }) = late.join().unwrap() else { panic!("expected a time-out") };
    assert_eq!(threads.len(), 1);
    m.safepoint();
    let there = heap.clone();
    let second = thread::spawn(move || there.attach_timeout(TIMEOUT).map(drop));
    blocking::join(&mut m, second).unwrap().unwrap();
}

#[test]
fn a_panic_with_a_mutator_on_the_stack_detaches() {
    let heap = small_heap();
    let there = heap.clone();
    let died = thread::spawn(move || {
        let m = there.attach().unwrap();
        let _kept = m.root(m.alloc(1_u64));
        panic!("a bug of the program's");
    });
    assert!(died.join().is_err());
    let mut m = heap.attach_timeout(TIMEOUT).unwrap();
    m.collect(Collect::Full);
}

#[test]
fn a_leaked_mutator_stops_the_heap_from_collecting_and_is_named() {
    let heap = Heap::builder().build().unwrap();
    let there = heap.clone();
    let leaker = thread::Builder::new().name("leaker".to_owned());
    leaker.spawn(move || std::mem::forget(there.attach().unwrap())).unwrap().join().unwrap();
    match heap.attach_timeout(Duration::from_millis(20)) {
        Err(AttachError::TimedOut { threads }) => assert!(threads[0].contains("leaker"), "{threads:?}"),
        other => panic!("expected a time-out, found {other:?}"),
    }
}

#[test]
fn a_heap_ends_on_whichever_thread_lets_go_last() {
    struct Counts(&'static AtomicUsize);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    for round in 0..20 {
        let heap = Heap::builder().build().unwrap();
        let m = heap.attach().unwrap();
        let root = m.root(m.alloc(gc_core::Leaf(Counts(&DROPPED))));
        drop(m);
        let threads = [thread::spawn(move || drop(heap)), thread::spawn(move || drop(root))];
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(DROPPED.load(Ordering::Relaxed), round + 1);
    }
}

#[test]
fn whoever_asks_while_a_collection_runs_shares_it() {
    let heap = small_heap();
    let mut m = heap.attach().unwrap();
    together(&mut m, 4, |_, m| {
        for _ in 0..50 {
            assert_eq!(m.collect(Collect::Full).collected, Collect::Full);
        }
    });
    assert!(heap.stats().collections.full <= 200);
}

#[test]
fn time_to_safepoint_is_measured_where_somebody_had_to_be_waited_for() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let enough = || heap.times_to_safepoint().count() >= 5;
    together(&mut m, 2, |id, m| {
        while !enough() {
            if id == 0 {
                m.safepoint();
            } else {
                m.collect(Collect::Young);
            }
        }
    });
    assert!(heap.slowest_to_safepoint().is_some());
    assert!(heap.times_to_safepoint().max() < heap.pauses().total());
}
