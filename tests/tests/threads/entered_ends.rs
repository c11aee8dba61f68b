//! Ends: of heaps whose mutators are kept by threads that go on, and of threads that keep mutators.

use std::{
    cell::RefCell,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use gc_core::{Collect, EnterError, Gc, Heap, Root};
use gc_tests::{
    heaps::{calm, checked, wait_until},
    ledger::Ledger,
    sizes::scaled,
};

type Work = Box<dyn FnOnce() + Send>;

/// Threads that never end by themselves.
struct Pool(Vec<(mpsc::Sender<Work>, JoinHandle<()>)>);

impl Pool {
    fn new(threads: usize) -> Self {
        let start = |_| {
            let (send, work) = mpsc::channel::<Work>();
            (send, thread::spawn(move || work.into_iter().for_each(|work| work())))
        };
        Self((0..threads).map(start).collect())
    }

    /// Runs `work` on each thread, and waits for all.
    fn each<R: Send + 'static>(&self, work: impl Fn(usize) -> R + Clone + Send + 'static) -> Vec<R> {
        let results: Vec<_> = (0..self.0.len())
            .map(|id| {
                let ((send, result), work) = (mpsc::channel(), work.clone());
                let run: Work = Box::new(move || send.send(work(id)).unwrap());
                self.0[id].0.send(run).unwrap();
                result
            })
            .collect();
        results.into_iter().map(|result| result.recv().unwrap()).collect()
    }

    fn end(self) {
        for (send, thread) in self.0 {
            drop(send);
            thread.join().unwrap();
        }
    }
}

#[test]
fn a_heap_ends_while_a_pools_threads_keep_mutators_of_it() {
    let pool = Pool::new(3);
    let lasting = checked().build().unwrap();
    let ledger = Ledger::default();
    // Each heap is likely to be where one was before.
    for round in 0..scaled(60) {
        let heap = checked().reservation(1 << 30).build().unwrap();
        let (here, lasting, there) = (heap.clone(), lasting.clone(), ledger.clone());
        pool.each(move |id| {
            let kept = here.with(|m| {
                m.alloc(there.token());
                m.root(m.alloc(id))
            });
            lasting.with(|m| m.alloc(round).checked_add(1)).unwrap();
            assert_eq!(here.with(|m| *kept.as_ref().unwrap().get(m)), Ok(id));
        });
        // The clones of the closure go with the pool's work; then only the threads' mutators are left.
        drop(heap);
        wait_until("the heap has ended", || ledger.dropped() == ledger.made());
    }
    ledger.assert_all_once();
    pool.end();
    lasting.with(|m| m.collect(Collect::Full)).unwrap();
}

#[test]
fn a_root_made_inside_keeps_its_heap_alive_and_nothing_else_does() {
    let pool = Pool::new(2);
    for where_dropped in 0..3 {
        let ledger = Ledger::default();
        let heap = checked().build().unwrap();
        let (here, there) = (heap.clone(), ledger.clone());
        let mut roots: Vec<Root<_>> = pool.each(move |_| here.with(|m| m.root(m.alloc(there.token()))).unwrap());
        drop(heap);
        assert_eq!(ledger.dropped(), 0);
        let last = roots.pop().unwrap();
        drop(roots);
        assert_eq!(ledger.dropped(), 0);
        let moved = std::sync::Mutex::new(Some(last));
        let moved = Arc::new(moved);
        match where_dropped {
            0 => drop(moved.lock().unwrap().take()),
            1 => drop(pool.each({
                let moved = moved.clone();
                move |id| {
                    if id == 0 {
                        drop(moved.lock().unwrap().take())
                    }
                }
            })),
            _ => drop(pool.each({
                let moved = moved.clone();
                move |id| {
                    if id == 1 {
                        drop(moved.lock().unwrap().take())
                    }
                }
            })),
        }
        wait_until("the heap has ended", || ledger.dropped() == 2);
        ledger.assert_all_once();
    }
    pool.end();
}

/// The concurrent thread marks or sweeps at the moment when the last user of the heap goes, and the last root.
#[test]
fn a_heap_ends_while_it_is_marked() {
    let pool = Pool::new(2);
    let ledger = Ledger::default();
    let mut cycles = 0;
    for round in 0..scaled(24) {
        let heap = calm().nursery_bytes(256 << 10).chunk_bytes(64 << 10).soft_limit(1 << 20).build().unwrap();
        let (here, there) = (heap.clone(), ledger.clone());
        let roots = pool.each(move |id| {
            let mut root = here.with(|m| m.root(vec![(m.alloc((there.token(), id)), m.alloc([id; 20]))])).unwrap();
            for n in 0..14_000 - 300 * round {
                here.with(|m| {
                    let next = m.alloc([n as usize; 20]);
                    if n % 3 == 0 {
                        let kept = m.alloc((there.token(), id));
                        root.get_mut(m).push((kept, next));
                    }
                })
                .unwrap();
            }
            root
        });
        cycles += heap.stats().collections.full;
        drop(heap);
        drop(roots);
        wait_until("the heap has ended", || ledger.dropped() == ledger.made());
    }
    ledger.assert_all_once();
    assert!(cycles > 0, "nothing was marked");
    pool.end();
}

#[test]
fn a_heap_ends_inside_of_another_on_a_thread_that_keeps_both() {
    let (outer, ledger) = (checked().build().unwrap(), Ledger::default());
    for round in 0..20 {
        let inner = checked().build().unwrap();
        let root = inner.with(|m| m.root(m.alloc(ledger.token()))).unwrap();
        outer
            .with(|m| {
                drop((inner, root));
                assert_eq!(ledger.dropped(), round + 1);
                m.alloc(1);
            })
            .unwrap();
    }
}

/// The thread that drops the last handle returns when the heap has ended, whatever exits at the same moment.
#[test]
fn threads_exit_while_their_heap_ends() {
    let ledger = Ledger::default();
    for round in 0..scaled(200) {
        let heap = calm().reservation(1 << 30).build().unwrap();
        let start = Arc::new(Barrier::new(3));
        let threads: Vec<_> = (0..2)
            .map(|id| {
                let (heap, start, token) = (heap.clone(), start.clone(), ledger.token());
                thread::spawn(move || {
                    let root = heap
                        .with(|m| {
                            m.alloc(token);
                            m.root(m.alloc(id))
                        })
                        .unwrap();
                    let root = (round % 3 == 0).then_some(root);
                    drop(heap);
                    start.wait();
                    // Now the other thread ends the heap while this one exits, with a root or without.
                    drop(root);
                })
            })
            .collect();
        start.wait();
        drop(heap);
        if round % 3 != 0 {
            assert_eq!(ledger.dropped(), ledger.made(), "the heap has ended");
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(ledger.dropped(), ledger.made());
    }
    ledger.assert_all_once();
}

#[test]
fn threads_exit_while_others_collect() {
    let heap = checked().chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap();
    let mut m = heap.attach().unwrap();
    let total = AtomicU64::new(0);
    m.scope(|scope| {
        for id in 0..3 {
            let (heap, total) = (&heap, &total);
            let rounds = scaled(60);
            scope
                .spawn(move |m| {
                    for round in 0..rounds {
                        let there = heap.clone();
                        let root = m
                            .blocked(|| {
                                thread::spawn(move || there.with(|m| m.root(m.alloc(id * 1000 + round))).unwrap())
                                    .join()
                            })
                            .unwrap();
                        if round % 8 == 0 {
                            m.collect(Collect::Full);
                        }
                        total.fetch_add(*root.get(m) - id * 1000, Ordering::Relaxed);
                    }
                })
                .unwrap();
        }
    });
    let rounds = scaled(60);
    assert_eq!(total.load(Ordering::Relaxed), 3 * rounds * (rounds - 1) / 2);
    m.collect(Collect::Full);
}

/// Enters heaps when its thread exits.
struct AtEnd(RefCell<Option<(Vec<Heap>, Arc<AtomicU64>)>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        let Some((heaps, worked)) = self.0.take() else { return };
        for heap in &heaps {
            let root = heap.with(|m| {
                let root = m.root(m.alloc(5_u64));
                m.collect(Collect::Young);
                // One more level, on the way out.
                m.blocked(|| heaps.iter().for_each(|heap| assert_eq!(heap.with(|m| *m.alloc(1)), Ok(1))));
                root
            });
            match root {
                Ok(root) => {
                    assert_eq!(heap.with(|m| *root.get(m)), Ok(5));
                    worked.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => assert_eq!(error, EnterError::Running),
            }
        }
    }
}

thread_local! {
    static BEFORE: AtEnd = const { AtEnd(RefCell::new(None)) };
    static OWN: RefCell<Option<gc_core::Mutator>> = const { RefCell::new(None) };
    static PARKED: RefCell<Option<gc_core::Parked>> = const { RefCell::new(None) };
    static ROOT: RefCell<Option<Root<Gc<'static, u64>>>> = const { RefCell::new(None) };
    static AFTER: AtEnd = const { AtEnd(RefCell::new(None)) };
}

#[test]
fn thread_locals_enter_while_their_thread_exits() {
    let worked = Arc::new(AtomicU64::new(0));
    let lasting = checked().build().unwrap();
    for order in 0..24 {
        let other = checked().build().unwrap();
        let (heaps, worked) = (vec![lasting.clone(), other.clone()], worked.clone());
        thread::spawn(move || {
            // The last one that is touched is the first to end. The table of what is kept is touched by the first `with`.
            if order % 2 == 0 {
                lasting_first(&heaps);
            }
            BEFORE.with(|at_end| at_end.0.replace(Some((heaps.clone(), worked.clone()))));
            if order % 3 == 0 {
                OWN.set(heaps[order % 2].attach().ok());
            }
            if order % 4 == 0 {
                let parked = heaps[1].spawn(|_| ()).map(|thread| thread.join());
                parked.unwrap().unwrap();
            }
            if order % 3 == 1 {
                PARKED.set(heaps[0].attach().ok().map(gc_core::Mutator::park));
            }
            if order % 3 != 0 {
                ROOT.set(heaps[1].with(|m| m.root(m.alloc(1_u64))).ok());
            }
            AFTER.with(|at_end| at_end.0.replace(Some((heaps, worked))));
        })
        .join()
        .unwrap();
        drop(other);
    }
    assert!(worked.load(Ordering::Relaxed) > 40);
    lasting.attach().unwrap().collect(Collect::Full);

    fn lasting_first(heaps: &[Heap]) {
        heaps[0].with(|m| *m.alloc(1)).unwrap();
    }
}

/// A mutator of the same heap runs while the thread exits, in a thread-local that goes later: the exit must not wait for a pause that
/// waits for it.
#[test]
fn a_thread_exits_with_a_kept_mutator_and_one_that_runs_while_others_collect() {
    thread_local! { static LATE: RefCell<Option<gc_core::Mutator>> = const { RefCell::new(None) }; }
    let heap = calm().build().unwrap();
    for _ in 0..scaled(50) {
        let start = Arc::new(Barrier::new(2));
        let (theirs, there) = (heap.clone(), start.clone());
        let exits = thread::spawn(move || {
            LATE.with_borrow(|_| ()); // touched first, so it ends last
            theirs.with(|m| *m.alloc(1)).unwrap();
            LATE.set(Some(theirs.attach().unwrap()));
            there.wait();
        });
        start.wait();
        let collects = heap.spawn(|m| m.collect(Collect::Young).collected).unwrap();
        exits.join().unwrap();
        collects.join().unwrap();
    }
    // What an exit had to leave behind ends with the heap.
    drop(heap);
}
