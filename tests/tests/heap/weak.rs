//! A weak handle finds its heap as long as somebody can use it, and does not keep it.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use gc_core::{Collect, Heap, Trace, WeakHeap};
use gc_tests::{
    Tested,
    heaps::{TIMEOUT, calm, checked, wait_until},
    ledger::{Ledger, Token},
    sizes::scaled,
};
use parking_lot::Mutex;

fn is_shared<T: Send + Sync + Clone + std::fmt::Debug + 'static>(_: &T) {}

#[test]
fn it_finds_the_heap_while_there_is_a_user() -> Tested {
    let heap = checked().build()?;
    let weak = heap.downgrade();
    is_shared(&weak);
    assert_eq!(format!("{weak:?}"), "WeakHeap");
    assert!(weak.upgrade().is_some_and(|found| found.ptr_eq(&heap)));
    let m = heap.attach()?;
    drop(heap);
    let again = weak.clone().upgrade().expect("a mutator is attached");
    assert!(again.ptr_eq(&m.heap()));
    let parked = m.park();
    drop(again);
    let root = weak.upgrade().expect("a parked mutator is a user").with(|m| m.root(7_u64))?;
    drop(parked);
    assert!(weak.upgrade().is_none(), "roots are no users");
    drop(root);
    assert!(weak.upgrade().is_none());
    Ok(())
}

/// An object that knows its heap.
#[derive(Trace)]
struct Knows {
    heap: WeakHeap,
    _token: Token,
}

/// With a `Heap` in place of the weak handle, it never ended.
#[test]
fn a_heap_ends_though_its_objects_know_it() -> Tested {
    let ledger = Ledger::default();
    for _ in 0..10 {
        let heap = checked().build()?;
        let mut m = heap.attach()?;
        let knows = || Knows { heap: heap.downgrade(), _token: ledger.token() };
        let kept = m.root(m.alloc(knows()));
        m.alloc(knows());
        m.collect(Collect::Full);
        assert!(kept.get(&m).heap.upgrade().is_some_and(|found| found.ptr_eq(&heap)));
        drop((kept, m, heap));
    }
    ledger.assert_all_once();
    Ok(())
}

/// Destructors look for their heap while it ends: they find it or not, and may hold the last handle for a while.
#[test]
fn destructors_look_for_a_heap_that_ends() -> Tested {
    #[derive(Trace)]
    #[trace(leaf)]
    struct Looks(WeakHeap, Arc<Mutex<Vec<bool>>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            let heap = self.0.upgrade();
            self.1.lock().push(heap.as_ref().is_some_and(|heap| heap.stats().drops_pending > 0));
        }
    }
    let found = Arc::new(Mutex::new(Vec::new()));
    for round in 0..scaled(100) {
        let heap = calm().build()?;
        let mut m = heap.attach()?;
        for _ in 0..20 {
            m.alloc(Looks(heap.downgrade(), found.clone()));
        }
        m.collect(Collect::Full);
        m.alloc(Looks(heap.downgrade(), found.clone()));
        if round % 2 == 0 {
            m.drain_drops(TIMEOUT)?;
        }
        drop((m, heap));
    }
    wait_until("all have looked", || found.lock().len() as u64 == 21 * scaled(100));
    let found = found.lock();
    assert!(found.iter().filter(|&&found| found).count() as u64 >= 20 * scaled(100).div_ceil(2));
    assert!(found.iter().any(|&found| !found), "what is left at the end finds no heap");
    Ok(())
}

/// A thread upgrades while another drops the last handle: it gets a heap that works, or none.
#[test]
fn an_upgrade_meets_the_end() -> Tested {
    let mut outcomes = [0, 0];
    for _ in 0..scaled(300) {
        let heap: Heap = calm().build()?;
        let (weak, meet) = (heap.downgrade(), Arc::new(Barrier::new(2)));
        let there = meet.clone();
        let other = thread::spawn(move || {
            there.wait();
            weak.upgrade().map(|heap| heap.with(|m| *m.alloc(7_u64)).expect("a free thread"))
        });
        meet.wait();
        drop(heap);
        let got = other.join().expect("no panic");
        assert!(got.is_none_or(|seven| seven == 7));
        outcomes[usize::from(got.is_some())] += 1;
    }
    assert_eq!(outcomes[0] + outcomes[1], scaled(300));
    Ok(())
}
