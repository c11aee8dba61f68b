//! Thread-locals of several kinds end in every order: mutators, roots of several heaps, handles, values whose destructors attach,
//! collect, block and root again.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use gc_core::{Collect, Gc, Heap, Mutator, Root};
use gc_tests::heaps::checked;

struct AtEnd {
    heaps: Vec<Heap>,
    /// Filed with the thread's first mutator, which may end before or after it.
    _root: Option<Root<Vec<Gc<'static, u64>>>>,
    worked: Arc<AtomicU64>,
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        for heap in self.heaps.drain(..) {
            if let Ok(mut m) = heap.attach() {
                let root = m.root(m.alloc(11_u64));
                m.collect(Collect::Young);
                m.blocked(thread::yield_now);
                assert_eq!(*root.get(&m), 11);
                // One of them outlives its mutator, and goes with the thread's next local.
                LAST.try_with(|last| last.borrow_mut().push(root)).ok();
                self.worked.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

thread_local! {
    static LAST: RefCell<Vec<Root<Gc<'static, u64>>>> = const { RefCell::new(Vec::new()) };
    static STATE: RefCell<Option<Root<Vec<Gc<'static, u64>>>>> = const { RefCell::new(None) };
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
    static FIRST: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    static SECOND: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

#[test]
fn locals_end_in_any_order() {
    let worked = Arc::new(AtomicU64::new(0));
    let main = checked().build().unwrap();
    for order in 0..20_u32 {
        let other = checked().build().unwrap();
        let threads: Vec<_> = (0..2)
            .map(|id| {
                let (main, other, worked) = (main.clone(), other.clone(), worked.clone());
                thread::spawn(move || {
                    let at_end = |m: Option<&Mutator>| AtEnd {
                        heaps: vec![main.clone(), other.clone()],
                        _root: m.map(|m| m.root(vec![m.alloc(1_u64)])),
                        worked: worked.clone(),
                    };
                    // Touching a local for the first time says when it ends: the last touched is the first to end.
                    let touch: [&dyn Fn(); 5] = [
                        &|| LAST.with_borrow(|_| ()),
                        &|| STATE.with_borrow(|_| ()),
                        &|| MUTATOR.with_borrow(|_| ()),
                        &|| FIRST.with_borrow(|_| ()),
                        &|| SECOND.with_borrow(|_| ()),
                    ];
                    (0..5).for_each(|n| touch[((n * (1 + order / 5 % 4) + order + id) % 5) as usize]());
                    let mut m = if (order + id) % 2 == 0 { &main } else { &other }.attach().unwrap();
                    STATE.set(Some(m.root(vec![m.alloc(1_u64), m.alloc(2)])));
                    FIRST.set(Some(at_end(Some(&m))));
                    SECOND.set(Some(at_end(None)));
                    m.collect(Collect::Promote);
                    if order % 3 != 0 {
                        MUTATOR.set(Some(m));
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
    assert!(worked.load(Ordering::Relaxed) > 0);
    let mut m = main.attach().unwrap();
    m.collect(Collect::Full);
}
