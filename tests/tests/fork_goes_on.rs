//! The child of a fork goes on with its heaps: it allocates, collects, runs destructors, starts threads, and ends them.
//! Alone in its process: only the thread that forks goes on in the child.

#![forbid(unsafe_code)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use gc_core::{AttachError, Collect, Gc, Heap, HeapBuilder, Leaf, Mutator, Root, Slot, Trace};
use gc_tests::{
    forks::in_child,
    heaps::{TIMEOUT, under, wait_until},
    sizes::scaled,
};

/// One test forks at a time.
static TURN: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

/// A heap that verifies itself around each collection.
fn verified() -> HeapBuilder {
    under("verify").idle_after(Duration::MAX)
}

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Slot<'gc, Node<'gc>>,
    _shared: Leaf<Option<Arc<()>>>,
}

/// A list behind its first node, which counts for nothing.
type List = Root<Gc<'static, Node<'static>>>;

fn empty(m: &Mutator) -> List {
    m.root(m.alloc(Node { value: 0, next: Slot::null(), _shared: Leaf(None) }))
}

fn push(m: &mut Mutator, list: &List, value: u64, shared: Option<Arc<()>>) {
    let first = list.get(m);
    let new = m.alloc(Node { value, next: Slot::new(first.next.get()), _shared: Leaf(shared) });
    first.next.set(m, Some(new));
    m.safepoint();
}

fn check(m: &Mutator, list: &List, values: u64) {
    let (mut next, mut expected) = (list.get(m).next.get(), values);
    while let Some(node) = next {
        expected -= 1;
        assert_eq!(node.value, expected);
        next = node.next.get();
    }
    assert_eq!(expected, 0);
}

fn list(m: &mut Mutator, values: u64) -> List {
    let list = empty(m);
    (0..values).for_each(|value| push(m, &list, value, None));
    list
}

/// Does all there is with a heap.
fn goes_on(m: &mut Mutator, kept: &List, values: u64) {
    check(m, kept, values);
    let shared = Arc::new(());
    for round in 0..3 {
        let dead = empty(m);
        for value in 0..scaled(2_000) {
            push(m, &dead, value, (value % 10 == 0).then(|| shared.clone()));
        }
        m.alloc_slice_with(100_000, |n| n);
        drop(dead);
        match round {
            0 => ignore(m.collect(Collect::Promote)),
            1 => ignore(m.collect(Collect::Full)),
            _ => ignore(m.compact()),
        }
        check(m, kept, values);
    }
    m.collect(Collect::Full);
    m.drain_drops(TIMEOUT).unwrap();
    assert_eq!(Arc::strong_count(&shared), 1, "destructors run");
    let heap = m.heap();
    let there = m.blocked(|| {
        thread::spawn(move || {
            heap.attach().map(|mut m| {
                let list = list(&mut m, 1000);
                m.collect(Collect::Full);
                check(&m, &list, 1000);
            })
        })
        .join()
        .unwrap()
    });
    there.unwrap();
    push(m, kept, values, None);
    check(m, kept, values + 1);
}

/// Makes a statement of an expression.
fn ignore<T>(_: T) {}

/// A thread that does something over and over.
struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Busy {
    fn new(body: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let there = stop.clone();
        Self { stop, thread: Some(thread::spawn(move || body(&there))) }
    }

    fn attached(heap: &Heap, mut body: impl FnMut(&mut Mutator) + Send + 'static) -> Self {
        let heap = heap.clone();
        Self::new(move |stop| {
            let mut m = heap.attach().unwrap();
            while !stop.load(Relaxed) {
                body(&mut m);
            }
        })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Forks again and again beside `busy` threads, in which the heap's locks are held now and then.
fn beside(what: &str, builder: HeapBuilder, forks: u64, busy: impl FnOnce(&Heap) -> Vec<Busy>) {
    let _turn = TURN.lock();
    let heap = builder.build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = list(&mut m, 1000);
    let busy = busy(&heap);
    for round in 0..forks {
        for _ in 0..round * 7 {
            m.alloc([0_u64; 20]);
            m.safepoint();
        }
        let m = std::cell::RefCell::new(&mut m);
        let kept = &kept;
        in_child(what, || goes_on(&mut m.borrow_mut(), kept, 1000), |wait| m.borrow_mut().blocked(wait));
    }
    m.blocked(|| drop(busy));
    check(&m, &kept, 1000);
}

#[test]
fn a_child_without_other_threads_goes_on() {
    beside("alone", verified(), 3, |_| Vec::new());
}

#[test]
fn a_child_goes_on_beside_collections() {
    beside("young collections", verified(), scaled(5), |heap| {
        vec![Busy::attached(heap, |m| ignore(m.collect(Collect::Young)))]
    });
    beside("full collections", verified(), scaled(5), |heap| {
        vec![Busy::attached(heap, |m| ignore(m.collect(Collect::Full)))]
    });
    beside("compaction", verified(), scaled(3), |heap| vec![Busy::attached(heap, |m| ignore(m.compact()))]);
}

#[test]
fn a_child_goes_on_with_a_cycle_that_is_under_way() {
    beside("a slow marker", under("slow-marker=1,verify"), scaled(3), |heap| {
        vec![Busy::attached(heap, |m| {
            let own = list(m, 500);
            push(m, &own, 500, Some(Arc::new(())));
            m.collect(Collect::Full);
        })]
    });
}

#[test]
fn a_child_goes_on_beside_threads_that_allocate_and_destructors() {
    beside("allocation", verified().nursery_bytes(1 << 20).workers(2), scaled(5), |heap| {
        let allocates = |heap: &Heap| {
            Busy::attached(heap, |m| {
                let own = list(m, 5000);
                push(m, &own, 5000, Some(Arc::new(())));
                m.alloc_slice_with(50_000, |n| n);
                check(m, &own, 5001);
            })
        };
        vec![allocates(heap), allocates(heap)]
    });
}

#[test]
fn a_child_goes_on_beside_threads_that_attach_and_drop_roots() {
    beside("attaching", verified(), scaled(5), |heap| {
        let (attaches, drops) = (heap.clone(), heap.clone());
        let (send, roots) = mpsc::sync_channel::<Vec<Root<u64>>>(2);
        vec![
            Busy::new(move |stop| {
                while !stop.load(Relaxed) {
                    let mut m = attaches.attach().unwrap();
                    m.blocked(|| ());
                    let _ = send.try_send((0..2000).map(|n| m.root(n as u64)).collect());
                }
            }),
            Busy::new(move |stop| {
                while !stop.load(Relaxed) {
                    drop(roots.recv_timeout(Duration::from_millis(1)));
                    drops.with(|m| m.alloc(1_u64).abs_diff(0)).unwrap();
                    let _ = drops.stats();
                    let _ = drops.memory_report();
                }
            }),
        ]
    });
}

/// The thread that forks runs no mutator, or has one that is blocked, kept or parked.
#[test]
fn a_fork_outside_of_mutators_goes_on() {
    let _turn = TURN.lock();
    let (heap, other) = (verified().build().unwrap(), verified().build().unwrap());
    let kept = heap.with(|m| list(m, 1000)).unwrap();
    let mut parked = other.attach().unwrap().park();
    let of_other = parked.with(|m| list(m, 1000)).unwrap();
    let busy = [&heap, &other].map(|heap| Busy::attached(heap, |m| ignore(m.collect(Collect::Full))));
    for _ in 0..scaled(3) {
        in_child(
            "outside",
            || {
                heap.with(|m| goes_on(m, &kept, 1000)).unwrap();
                parked.with(|m| goes_on(m, &of_other, 1000)).unwrap();
            },
            |wait| wait(),
        );
    }
    let mut m = other.attach().unwrap();
    let forked = m.blocked(|| {
        heap.with(|m| {
            let m = std::cell::RefCell::new(m);
            in_child(
                "inside of another",
                || goes_on(&mut m.borrow_mut(), &kept, 1000),
                |wait| m.borrow_mut().blocked(wait),
            );
        })
    });
    forked.unwrap();
    drop((m, busy));
}

/// Mutators that have been blocked for long are dormant when the heap is forked.
#[test]
fn a_child_goes_on_beside_dormant_mutators() {
    let _turn = TURN.lock();
    let (heap, other) = (verified().build().unwrap(), verified().build().unwrap());
    let mut m = heap.attach().unwrap();
    let kept = list(&mut m, 100);
    let (open, gate) = mpsc::channel::<()>();
    let there = heap.clone();
    let (tell, told) = mpsc::channel();
    let waits = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        let own = list(&mut m, 100);
        tell.send(()).unwrap();
        let _ = m.blocked(|| gate.recv());
        check(&m, &own, 100);
    });
    m.blocked(|| told.recv().unwrap());
    for _ in 0..3 {
        m.collect(Collect::Young);
    }
    // The mutator of the thread that forks is dormant, too.
    let mut m = m.park();
    other.with(|m| list(m, 10)).unwrap();
    let collects = Busy::attached(&heap, |m| ignore(m.collect(Collect::Young)));
    for _ in 0..scaled(3) {
        in_child("dormant", || m.with(|m| goes_on(m, &kept, 100)).unwrap(), |wait| wait());
    }
    drop((open, collects));
    waits.join().unwrap();
}

/// The clock is started again in the child.
#[test]
fn an_idle_heap_is_collected_in_the_child() {
    let _turn = TURN.lock();
    let shared = Arc::new(());
    let heaps: Vec<_> =
        (0..3).map(|_| under("verify").idle_after(Duration::from_millis(50)).build().unwrap()).collect();
    let use_all = || {
        for heap in &heaps {
            heap.with(|m| ignore(m.alloc(Leaf(shared.clone())))).unwrap();
        }
    };
    for _ in 0..scaled(3) {
        use_all();
        in_child(
            "idle",
            || {
                use_all();
                // The clock is started by the first pause.
                heaps[0].with(|m| ignore(m.collect(Collect::Young))).unwrap();
                // What the parent's threads had in hand leaks.
                wait_until("each heap is collected", || Arc::strong_count(&shared) <= 1 + heaps.len());
                let before = Arc::strong_count(&shared);
                use_all();
                wait_until("each heap is collected again", || Arc::strong_count(&shared) <= before);
            },
            |wait| wait(),
        );
    }
}

/// A heap that ends in the child drops what is in it.
#[test]
fn a_heap_ends_in_the_child() {
    let _turn = TURN.lock();
    for has_threads in [false, true] {
        let heap = verified().build().unwrap();
        let mut m = heap.attach().unwrap();
        let shared = Arc::new(());
        let kept = list(&mut m, 100);
        push(&mut m, &kept, 100, Some(shared.clone()));
        if has_threads {
            m.alloc(Leaf(Arc::new(())));
            m.collect(Collect::Full);
            m.drain_drops(TIMEOUT).unwrap();
        }
        m.safepoint();
        let parts = std::cell::RefCell::new(Some((heap, m, kept)));
        in_child(
            "a heap ends",
            || {
                drop(parts.take());
                assert_eq!(Arc::strong_count(&shared), 1, "what is left is dropped");
                let new = verified().build().unwrap();
                let mut m = new.attach().unwrap();
                let kept = list(&mut m, 10);
                goes_on(&mut m, &kept, 10);
            },
            |wait| parts.borrow_mut().as_mut().unwrap().1.blocked(wait),
        );
        assert_eq!(Arc::strong_count(&shared), 2);
    }
}

/// Two threads of one heap fork at the same time.
#[test]
fn threads_fork_at_once() {
    let _turn = TURN.lock();
    let heap = verified().build().unwrap();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let heap = heap.clone();
            thread::spawn(move || {
                for _ in 0..scaled(3) {
                    let kept = heap.with(|m| list(m, 100)).unwrap();
                    in_child("two at once", || heap.with(|m| goes_on(m, &kept, 100)).unwrap(), |wait| wait());
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Two threads fork at the same time, each inside of a mutator that runs: the one that waits for the other one counts as at rest.
#[test]
fn threads_fork_at_once_while_their_mutators_run() {
    let _turn = TURN.lock();
    let (heap, arrived) = (verified().build().unwrap(), Arc::new(AtomicUsize::new(0)));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (heap, arrived) = (heap.clone(), arrived.clone());
            thread::spawn(move || {
                let mut m = heap.attach().unwrap();
                let kept = list(&mut m, 100);
                let m = std::cell::RefCell::new(&mut m);
                for round in 1..=scaled(10) {
                    arrived.fetch_add(1, Relaxed);
                    while arrived.load(Relaxed) < 2 * round as usize {
                        m.borrow_mut().safepoint();
                        thread::yield_now();
                    }
                    in_child(
                        "two mutators at once",
                        || goes_on(&mut m.borrow_mut(), &kept, 100),
                        |wait| m.borrow_mut().blocked(wait),
                    );
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Threads that run a mutator create other heaps, and let go of them, which waits for a fork.
#[test]
fn a_child_goes_on_beside_heaps_that_come_and_go() {
    beside("other heaps", verified(), scaled(40), |heap| {
        let come_and_go = |heap: &Heap| {
            Busy::attached(heap, |m| {
                let (other, shared) = (verified().build().unwrap(), Arc::new(()));
                let entered = m.blocked(|| {
                    other.with(|m| {
                        let own = empty(m);
                        for value in 0..20 {
                            push(m, &own, value, Some(shared.clone()));
                        }
                    })
                });
                entered.unwrap();
                drop(other);
                assert_eq!(Arc::strong_count(&shared), 1, "dropped once, and at the end");
            })
        };
        vec![come_and_go(heap), come_and_go(heap)]
    });
}

/// A heap that is lost to a child is lost to the child's children.
#[test]
fn a_heap_that_is_given_up_stays_so() {
    struct Forks(Arc<dyn Fn() + Send + Sync>);
    impl Drop for Forks {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let _turn = TURN.lock();
    let heap = verified().build().unwrap();
    let weak = heap.downgrade();
    let (go, going) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let going = std::sync::Mutex::new((going, tell));
    let forks = move || {
        let (going, tell) = &*going.lock().unwrap();
        going.recv().unwrap();
        in_child(
            "in a destructor",
            || {
                let heap = weak.upgrade().unwrap();
                let again = || {
                    assert_eq!(heap.attach().unwrap_err(), AttachError::Forked);
                    in_child("again", || assert_eq!(heap.attach().unwrap_err(), AttachError::Forked), |wait| wait());
                };
                thread::scope(|scope| scope.spawn(again).join().unwrap());
            },
            |wait| wait(),
        );
        tell.send(()).unwrap();
    };
    let mut m = heap.attach().unwrap();
    m.alloc(Leaf(Forks(Arc::new(forks))));
    m.collect(Collect::Full);
    // Nothing runs in the heap, so the child's child could stop it.
    m.blocked(|| {
        go.send(()).unwrap();
        told.recv().unwrap();
    });
    m.drain_drops(TIMEOUT).unwrap();
}

/// A thread that is far from a safepoint does not hold a fork up for long. The child can read its heap, and let go of it.
#[test]
fn a_straggler_does_not_hold_a_fork_up() {
    let _turn = TURN.lock();
    let heap = verified().build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = list(&mut m, 1000);
    m.safepoint();
    let there = heap.clone();
    let (go, going) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let straggler = thread::spawn(move || {
        let m = there.attach().unwrap();
        tell.send(()).unwrap();
        // Without `blocked`.
        let _ = going.recv();
        drop(m);
    });
    m.blocked(|| told.recv().unwrap());
    let m = std::cell::RefCell::new(Some(m));
    in_child(
        "a straggler",
        || {
            check(m.borrow().as_ref().unwrap(), &kept, 1000);
            let mut own = m.take().unwrap();
            own.alloc(1);
            own.safepoint();
            assert!(catch_unwind(AssertUnwindSafe(|| own.collect(Collect::Full))).is_err());
            drop(own);
            assert_eq!(heap.attach().unwrap_err(), AttachError::Forked);
            drop(heap.clone());
            // Another heap works.
            let new = verified().build().unwrap();
            let mut m = new.attach().unwrap();
            let kept = list(&mut m, 10);
            goes_on(&mut m, &kept, 10);
        },
        |wait| m.borrow_mut().as_mut().unwrap().blocked(wait),
    );
    drop(go);
    m.take().unwrap().blocked(|| straggler.join().unwrap());
}

/// A heap's own thread forks, in a destructor or the event hook. The child goes on with other heaps, and returns from there.
#[test]
fn a_thread_of_a_heap_forks() {
    struct Forks(Arc<dyn Fn() + Send + Sync>);
    impl Drop for Forks {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let _turn = TURN.lock();
    let forks = Arc::new(|| {
        in_child(
            "a heap's thread",
            || {
                let new = verified().build().unwrap();
                thread::spawn(move || {
                    let mut m = new.attach().unwrap();
                    let kept = list(&mut m, 10);
                    goes_on(&mut m, &kept, 10);
                })
                .join()
                .unwrap();
            },
            |wait| wait(),
        );
    });
    let hook = forks.clone();
    let done = Arc::new(AtomicUsize::new(0));
    let count = done.clone();
    let heap = verified()
        .on_event(gc_core::Level::Debug, move |event| {
            if matches!(event, gc_core::Event::Pause { .. }) && count.fetch_add(1, Relaxed) == 0 {
                hook();
            }
        })
        .build()
        .unwrap();
    let mut m = heap.attach().unwrap();
    m.alloc(Leaf(Forks(forks)));
    m.collect(Collect::Full);
    m.drain_drops(TIMEOUT).unwrap();
    drop((m, heap));
    assert!(done.load(Relaxed) > 0);
}
