//! Heaps that end where their own objects and those of others are dropped.

use std::{sync::Arc, thread};

use gc_core::{Collect, Root, Trace};
use gc_tests::{
    Tested,
    heaps::{checked, wait_until},
    ledger::{Ledger, Token},
    runs::Runs,
};
use parking_lot::Mutex;

/// Roots and objects of a heap whose destructors each hold a handle of it: it ends with the last of them, on whichever thread that is.
#[test]
fn a_heap_ends_with_the_last_destructor_that_holds_it() -> Tested {
    for round in 0..20 {
        let ledger = Ledger::default();
        let heap = checked().build()?;
        let mut m = heap.attach()?;
        let holds = |number: u32| {
            let (heap, token) = (heap.clone(), ledger.token());
            Runs::new(move || {
                assert!(heap.attach().is_err() || number % 2 == 1);
                drop((heap, token));
            })
        };
        let roots: Vec<_> = (0..4).map(|number| m.root((holds(2 * number + 1), [1_u8; 32]))).collect();
        for number in 0..4 {
            m.alloc(holds(2 * number));
        }
        drop(heap);
        if round % 2 == 0 {
            m.collect(Collect::Young);
            drop(m);
            thread::spawn(move || drop(roots)).join().expect("no panic");
        } else {
            m.blocked(|| thread::spawn(move || drop(roots)).join()).expect("no panic");
            m.collect(Collect::Full);
            drop(m);
        }
        if round % 2 == 1 {
            wait_until("the heap has ended", || ledger.dropped() == 8);
        }
        ledger.assert_none_twice();
    }
    Ok(())
}

/// A root that goes from heap to heap by `swap` as it is dropped, in jobs of both: each value goes with the heap that it is of.
#[test]
fn roots_swapped_between_heaps_go_with_their_own() -> Tested {
    type Swap = Arc<Mutex<Vec<Root<Held>>>>;
    #[derive(Trace)]
    struct Held(
        #[allow(dead_code, reason = "dropped")] Token,
        #[allow(dead_code, reason = "dropped")] Option<Root<Held>>,
    );
    let (one, other) = (checked().build()?, checked().build()?);
    let ledger = Ledger::default();
    for round in 0..20 {
        let shelf = Swap::default();
        for heap in [&one, &other] {
            let m = heap.attach()?;
            let inner = m.root(Held(ledger.token(), None));
            shelf.lock().push(m.root(Held(ledger.token(), Some(inner))));
        }
        for heap in [&one, &other] {
            let mut m = heap.attach()?;
            let shelf = shelf.clone();
            m.alloc(Runs::new(move || {
                let mut roots = shelf.lock();
                if roots.len() == 2 {
                    let (here, there) = roots.split_at_mut(1);
                    std::mem::swap(&mut here[0], &mut there[0]);
                }
                roots.pop();
            }));
            m.collect([Collect::Young, Collect::Full][round % 2]);
        }
    }
    for _ in 0..3 {
        for heap in [&one, &other] {
            heap.attach()?.collect(Collect::Full);
            gc_tests::heaps::settle(heap);
        }
    }
    ledger.assert_all_once();
    Ok(())
}
