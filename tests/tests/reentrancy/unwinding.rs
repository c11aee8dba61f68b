//! Collections that are led while a thread unwinds: by the guard of `blocked`, by a mutator that ends, and in destructors of the values
//! that are unwound; with refused allocations, hooks that panic, and nested heaps.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe, resume_unwind},
    thread,
    time::Duration,
};

use gc_core::{Collect, Gc, Heap, Level, Mutator, Root, Slot, blocking};
use gc_tests::{
    heaps::{calm, checked, settle, under, wait_until},
    ledger::{Ledger, Token},
    runs::Runs,
    sizes::scaled,
};

fn collections(heap: &Heap) -> u64 {
    heap.stats().collections.total()
}

fn use_up(m: &Mutator) {
    while !m.safepoint_pending() {
        m.alloc([0_u64; 20]);
    }
}

/// Blocks, and works with what it has rooted, when it is dropped.
struct Works<'a> {
    m: &'a mut Mutator,
    kept: Root<Gc<'static, [u64; 50]>>,
}

impl Drop for Works<'_> {
    fn drop(&mut self) {
        assert!(thread::panicking());
        for n in 0..50 {
            self.m.blocked(thread::yield_now);
            assert_eq!(self.kept.get(self.m)[n as usize], 7);
            self.m.safepoint();
            let nested = panic::catch_unwind(AssertUnwindSafe(|| {
                self.m.blocked(|| resume_unwind(Box::new(n)));
            }));
            assert_eq!(*nested.unwrap_err().downcast::<i32>().unwrap(), n);
            self.m.alloc([n; 300]);
        }
    }
}

#[test]
fn the_guard_of_blocked_leads_while_it_unwinds() {
    for stress in ["verify", "verify,every-safepoint", "verify,every-allocation=3", "verify,tiny-nursery,full-every=2"]
    {
        let heap = under(stress).build().unwrap();
        let mut m = heap.attach().unwrap();
        let kept = m.root(m.alloc([7_u64; 50]));
        for _ in 0..3 {
            let kept = kept.clone_in(&m);
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
                let works = Works { m: &mut m, kept };
                works.m.alloc([1; 100]);
                works.m.blocked(|| resume_unwind(Box::new("out of `blocked`")));
            }));
            assert!(outcome.is_err());
            // The thread runs its mutator again, and is not attached twice.
            m.alloc(1);
            m.safepoint();
            assert!(heap.attach().is_err());
        }
        assert_eq!(kept.get(&m)[49], 7);
    }
}

#[test]
fn a_refused_allocation_is_waited_for_while_the_guard_unwinds() {
    let heap = calm().hard_limit(20 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..scaled(10) {
        {
            let mut kept = m.root(Vec::<Gc<[u8; 4096]>>::new());
            while let Ok(page) = m.try_alloc([0; 4096]) {
                kept.get_mut(&m).push(page);
            }
        }
        let before = heap.stats().collections.full;
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| m.blocked(|| resume_unwind(Box::new(())))));
        assert!(outcome.is_err());
        assert!(heap.stats().collections.full > before);
        assert!(m.try_alloc([0_u8; 4096]).is_ok());
    }
}

/// What is found dead in such a collection may attach elsewhere, block there, and panic.
#[test]
fn destructors_hooks_and_other_heaps_in_a_collection_of_one_who_unwinds() {
    let other = checked().build().unwrap();
    let ledger = Ledger::default();
    let heap = calm().on_event(Level::Debug, |_| resume_unwind(Box::new("a hook that fails"))).build().unwrap();
    for round in 0..scaled(100) {
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            let m = heap.attach().unwrap();
            let (there, token) = (other.clone(), ledger.token());
            m.alloc(Runs::new(move || {
                let work = move || {
                    let mut m = there.attach().unwrap();
                    use_up(&m);
                    let token = m.root(m.alloc(token));
                    m.blocked(|| drop(token));
                };
                thread::spawn(work).join().unwrap();
                resume_unwind(Box::new("a destructor that fails"));
            }));
            if round % 2 == 0 {
                use_up(&m);
            }
            resume_unwind(Box::new(()));
        }));
        assert!(outcome.is_err());
    }
    heap.attach().unwrap().collect(Collect::Full);
    settle(&heap);
    other.attach().unwrap().collect(Collect::Full);
    settle(&other);
    wait_until("all are dropped", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// A mutator that blocks and collects while the thread's thread-locals end.
struct Last(Option<Mutator>, Root<Gc<'static, [Slot<'static, Token>]>>);

impl Drop for Last {
    fn drop(&mut self) {
        let m = self.0.as_mut().unwrap();
        use_up(m);
        m.blocked(thread::yield_now);
        m.alloc([1_u64; 1000]);
        use_up(m);
        assert!(self.1.get(m).iter().all(|slot| slot.get().is_some()));
        // Its mutator goes first, with something due; then the root.
        self.0 = None;
    }
}

#[test]
fn thread_locals_that_end_block_and_leave_what_is_due() {
    let heap = calm().nursery_bytes(256 << 10).build().unwrap();
    let ledger = Ledger::default();
    let mut main = heap.attach().unwrap();
    for round in 0..scaled(20) {
        blocking::scope(&mut main, |scope| {
            let ends = || {
                let m = heap.attach().unwrap();
                let slots = m.alloc_slice_with(30, |_| Slot::new(Some(m.alloc(ledger.token()))));
                let root = m.root(slots);
                LAST.set(Some(Last(Some(m), root)));
            };
            let threads = [(); 3].map(|()| scope.spawn(ends));
            // The scope by itself would not wait for the thread-locals.
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        if round % 5 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    main.blocked(|| wait_until("the heap has collected", || collections(&heap) > 0));
    main.collect(Collect::Full);
    main.blocked(|| settle(&heap));
    ledger.assert_all_once();
}
