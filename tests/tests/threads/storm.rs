//! Storms: mutators that come, go, give up, panic and leak guards, while others share cells, slots and roots.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use gc_core::{AttachError, Collect, Gc, GcCell, Heap, Mutator, Root, Slot, Trace, blocking};
use gc_tests::{collectors::Collectors, heaps::TIMEOUT};
use parking_lot::Mutex;

const SCALE: u64 = if cfg!(debug_assertions) { 1 } else { 4 };

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    check: Gc<'gc, u64>,
    next: Slot<'gc, Node<'gc>>,
    bag: GcCell<Vec<Gc<'gc, Node<'gc>>>>,
}

fn make<'gc>(m: &'gc Mutator, value: u64, next: Option<Gc<'gc, Node<'gc>>>) -> Gc<'gc, Node<'gc>> {
    m.alloc(Node { value, check: m.alloc(!value), next: Slot::new(next), bag: GcCell::default() })
}

fn whole(node: Gc<'_, Node<'_>>) {
    assert_eq!(*node.check, !node.value);
}

fn heap() -> Heap {
    let stress = if cfg!(debug_assertions) { "tiny-nursery,every-safepoint=7,promote-random,verify" } else { "" };
    let builder = Heap::builder().stress(stress.parse().unwrap());
    if cfg!(debug_assertions) {
        builder.build().unwrap()
    } else {
        builder.chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap()
    }
}

/// Joined explicitly, for ThreadSanitizer.
fn run(threads: Vec<thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_cell_keeps_its_writers_apart_while_mutators_come_and_go() {
    // 0, 1 and 2 mutators in turn: exclusive and shared locking.
    let heap = heap();
    let cell = {
        let m = heap.attach().unwrap();
        std::sync::Arc::new(m.root(m.alloc(GcCell::new((0_u64, 0_u64)))))
    };
    let added = std::sync::Arc::new(AtomicU64::new(0));
    let threads = (0..3_u64).map(|id| {
        let (heap, cell, added) = (heap.clone(), cell.clone(), added.clone());
        thread::spawn(move || {
            for round in 0..60 * SCALE {
                let patience = Duration::from_micros(200 * (round % 3));
                let mut m = match heap.attach_timeout(patience) {
                    Ok(m) => m,
                    Err(AttachError::TimedOut { .. }) => continue,
                    Err(other) => panic!("{other}"),
                };
                for turn in 0..20 {
                    {
                        let object = cell.get(&m);
                        let mut guard = object.borrow_mut(&m);
                        assert_eq!(guard.0, guard.1);
                        guard.0 += 1;
                        std::hint::black_box(&mut guard);
                        guard.1 += 1;
                    }
                    added.fetch_add(1, Ordering::Relaxed);
                    {
                        let pair = cell.get(&m).get(&m);
                        assert_eq!(pair.0, pair.1);
                    }
                    if turn % 5 == id {
                        m.safepoint();
                    }
                    if turn == 19 && round % 8 == 0 {
                        m.collect(Collect::Young);
                    }
                }
            }
        })
    });
    run(threads.collect());
    let m = heap.attach().unwrap();
    assert_eq!(cell.get(&m).get(&m).0, added.load(Ordering::Relaxed));
}

#[test]
fn fresh_objects_are_whole_however_they_are_published() {
    let heap = heap();
    let m = heap.attach().unwrap();
    let slots = std::sync::Arc::new(m.root(m.alloc_slice_with::<Slot<Node>>(8, |_| Slot::null())));
    let shared = std::sync::Arc::new(m.root(make(&m, 0, None)));
    drop(m);
    let threads = (0..3_u64).map(|id| {
        let (heap, slots, shared) = (heap.clone(), slots.clone(), shared.clone());
        thread::spawn(move || {
            let mut m = heap.attach().unwrap();
            for i in 0..400 * SCALE {
                {
                    let slot = &slots.get(&m)[(i % 8) as usize];
                    let before = slot.get();
                    before.map(whole);
                    let new = make(&m, id << 32 | i, if i % 16 == 0 { None } else { before });
                    if slot.compare_exchange(&m, before, Some(new)).is_err() {
                        slot.swap(&m, Some(new)).map(whole);
                    }
                    let object = shared.get(&m);
                    let mut bag = object.bag.borrow_mut(&m);
                    bag.push(new);
                    if bag.len() > 50 {
                        bag.drain(..).for_each(whole);
                    }
                }
                if i % 3 == 0 {
                    let bag = shared.get(&m);
                    bag.bag.borrow(&m).iter().copied().for_each(whole);
                }
                if i % 37 == 0 {
                    // Large: young, then old, where it is.
                    let big = m.alloc_slice_with::<Slot<Node>>(4000, |_| Slot::null());
                    big[(i % 4000) as usize].set(&m, slots.get(&m)[0].get());
                    big[(i % 4000) as usize].get().map(whole);
                }
                m.safepoint();
            }
        })
    });
    run(threads.collect());
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    for slot in slots.get(&m).iter() {
        let mut next = slot.get();
        while let Some(node) = next {
            whole(node);
            next = node.next.get();
        }
    }
}

#[test]
fn roots_wander_and_are_set_and_dropped_by_whoever_has_them() {
    let heap = heap();
    let (send, receive) = mpsc::channel::<Root<Vec<Gc<'static, Node<'static>>>>>();
    let receive = std::sync::Arc::new(Mutex::new(receive));
    let mut threads = Vec::new();
    for id in 0..2_u64 {
        let (heap, send) = (heap.clone(), send.clone());
        threads.push(thread::spawn(move || {
            for i in 0..60 * SCALE {
                // A table per attachment: all end up released.
                let mut m = heap.attach().unwrap();
                let root = m.root(vec![make(&m, id << 32 | i, None)]);
                m.safepoint();
                send.send(root).unwrap();
                if i % 4 == 0 {
                    m.collect(Collect::Young);
                }
            }
        }));
    }
    drop(send);
    for id in 0..2_u64 {
        let (heap, receive) = (heap.clone(), receive.clone());
        threads.push(thread::spawn(move || {
            let mut count = 0;
            loop {
                let root = receive.lock().recv();
                let Ok(mut root) = root else { return };
                count += 1;
                if (count + id) % 3 == 0 {
                    continue; // dropped by a thread that is not attached
                }
                let mut m = heap.attach().unwrap();
                root.borrow(&m).iter().copied().for_each(whole);
                root.get_mut(&m).push(make(&m, count, None));
                m.safepoint();
                let copy = root.clone_in(&m);
                if count % 2 == 0 {
                    m.blocked(|| drop(root));
                } else {
                    drop(root);
                }
                m.safepoint();
                copy.borrow(&m).iter().copied().for_each(whole);
            }
        }));
    }
    run(threads);
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    assert_eq!(heap.stats().old_objects, 0);
}

thread_local! {
    static LATE: RefCell<Option<AtExit>> = const { RefCell::new(None) };
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
    static ROOT: RefCell<Option<Root<Gc<'static, u64>>>> = const { RefCell::new(None) };
}

struct AtExit(Heap, std::sync::Arc<AtomicU64>);

impl Drop for AtExit {
    fn drop(&mut self) {
        // In the destructor of a thread-local: attaches if the thread's mutator is gone by now.
        match self.0.attach() {
            Ok(mut m) => {
                let root = m.root(m.alloc(9_u64));
                m.collect(Collect::Young);
                assert_eq!(*root.get(&m), 9);
                self.1.fetch_add(1, Ordering::Relaxed);
            }
            Err(AttachError::AlreadyAttached) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn threads_end_with_mutators_and_roots_in_thread_locals() {
    let heap = heap();
    let attached = std::sync::Arc::new(AtomicU64::new(0));
    for round in 0..12 * SCALE {
        let threads = (0..3).map(|id| {
            let (heap, attached) = (heap.clone(), attached.clone());
            thread::spawn(move || {
                // The order in which thread-locals are first used is the reverse of that in which they end.
                let late = || LATE.set(Some(AtExit(heap.clone(), attached.clone())));
                let mutator = || MUTATOR.set(Some(heap.attach().unwrap()));
                if (round + id) % 2 == 0 {
                    late();
                    mutator();
                } else {
                    mutator();
                    late();
                }
                MUTATOR.with_borrow_mut(|m| {
                    let m = m.as_mut().unwrap();
                    ROOT.set(Some(m.root(m.alloc(round))));
                    m.collect(Collect::Young);
                    ROOT.with_borrow(|root| assert_eq!(*root.as_ref().unwrap().get(m), round));
                });
            })
        });
        run(threads.collect());
    }
    assert!(attached.load(Ordering::Relaxed) > 0);
    let mut m = heap.attach_timeout(TIMEOUT).unwrap();
    m.collect(Collect::Full);
}

#[test]
fn panics_while_blocked_and_under_guards_leave_a_working_heap() {
    let heap = heap();
    let shared = {
        let m = heap.attach().unwrap();
        std::sync::Arc::new(m.root(make(&m, 5, None)))
    };
    let others = Collectors::start(&heap, 1);
    let threads = (0..2).map(|id| {
        let (heap, shared) = (heap.clone(), shared.clone());
        thread::spawn(move || {
            let mut m = heap.attach().unwrap();
            for i in 0..80 * SCALE {
                let root = m.root(make(&m, i, None));
                let blocked = catch_unwind(AssertUnwindSafe(|| m.blocked(|| std::panic::resume_unwind(Box::new(id)))));
                assert!(blocked.is_err());
                whole(root.get(&m));
                let guarded = catch_unwind(AssertUnwindSafe(|| {
                    let object = shared.get(&m);
                    let mut bag = object.bag.borrow_mut(&m);
                    bag.push(make(&m, i, None));
                    std::panic::resume_unwind(Box::new(id))
                }));
                assert!(guarded.is_err());
                let made = catch_unwind(AssertUnwindSafe(|| {
                    m.alloc_slice_with(
                        10,
                        |n| if n == 7 { std::panic::resume_unwind(Box::new(id)) } else { m.root(n) },
                    );
                }));
                assert!(made.is_err());
                m.safepoint();
                whole(root.get(&m));
                let object = shared.get(&m);
                object.bag.borrow(&m).iter().copied().for_each(whole);
                object.bag.borrow_mut(&m).truncate(10);
            }
        })
    });
    run(threads.collect());
    others.end();
}

#[test]
fn stops_are_called_off_again_and_again_under_a_mutator_that_parks_and_blocks() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let tries = std::sync::Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let threads: Vec<_> = (0..2_u64)
        .map(|id| {
            let (heap, stop, tries) = (heap.clone(), stop.clone(), tries.clone());
            thread::spawn(move || {
                let mut round = id;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    match heap.attach_timeout(Duration::from_micros(round % 40)) {
                        Ok(m) => drop(m.alloc(round)),
                        Err(_) => {
                            tries[1].fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                    }
                    tries[0].fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let cell = m.root(m.alloc(GcCell::new(0_u64)));
    for i in 0..3000 * SCALE {
        let object = cell.get(&m);
        let before = object.get(&m);
        object.set(&m, before + 1);
        *object.borrow_mut(&m) += 1;
        assert_eq!(object.get(&m), 2 * (i + 1));
        match i % 5 {
            0 => m.safepoint(),
            1 => m.blocked(|| ()),
            2 if i % 50 == 2 => drop(m.collect(Collect::Young)),
            3 if i % 10 == 3 => {
                for _ in 0..500 {
                    std::hint::spin_loop();
                }
            }
            _ => {}
        }
    }
    stop.store(true, Ordering::Relaxed);
    blocking::join(&mut m, thread::spawn(move || run(threads))).unwrap();
    eprintln!("attached {}, given up {}", tries[0].load(Ordering::Relaxed), tries[1].load(Ordering::Relaxed));
}

#[test]
fn several_heaps_end_on_each_others_threads() {
    let total = 10 * SCALE;
    for round in 0..total {
        let (a, b) = (heap(), heap());
        let (send_a, from_a) = mpsc::channel();
        let (send_b, from_b) = mpsc::channel();
        let there = b.clone();
        let one = thread::spawn(move || {
            let mut m = a.attach().unwrap();
            send_a.send(m.root(m.alloc(round))).unwrap();
            drop(a);
            m.collect(Collect::Young);
            // The last of the other heap, perhaps, while this thread runs.
            drop(blocking::recv(&mut m, &from_b).unwrap());
            m.collect(Collect::Full);
        });
        let two = thread::spawn(move || {
            let mut m = there.attach().unwrap();
            send_b.send(m.root(m.alloc(round))).unwrap();
            drop(there);
            m.collect(Collect::Young);
            drop(blocking::recv(&mut m, &from_a).unwrap());
            m.collect(Collect::Full);
        });
        drop(b);
        run(vec![one, two]);
    }
}
