//! Cells that lie on a stack, in no heap, and are used under one heap after another.

use gc_core::{Collect, GcCell, Heap};
use gc_tests::Tested;

/// Stop counts of heaps of their own were equal by chance: what was forgotten under one heap was locked under the next, and the
/// panic named a guard of this thread that no longer existed.
#[test]
fn a_guard_forgotten_under_one_heap_is_none_under_the_next() -> Tested {
    for stops_before in 0..4 {
        for stops_after in 0..4 {
            let cell = GcCell::new(1);
            let heap = Heap::builder().build()?;
            let mut m = heap.attach()?;
            for _ in 0..stops_before {
                m.collect(Collect::Promote);
            }
            std::mem::forget(cell.borrow_mut(&m));
            drop(m);
            let heap = Heap::builder().build()?;
            let mut m = heap.attach()?;
            for _ in 0..stops_after {
                m.collect(Collect::Promote);
            }
            *cell.borrow_mut(&m) += 1;
            assert_eq!(cell.get(&m), 2);
        }
    }
    Ok(())
}

/// The same with a heap that others use meanwhile: cells are locks there, and attaching a third mutator stops nobody.
#[test]
fn a_guard_forgotten_under_one_heap_is_none_under_one_that_others_use() -> Tested {
    let busy = Heap::builder().build()?;
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let stopped = std::sync::Arc::new(std::sync::Mutex::new(stopped));
    let ready = std::sync::Arc::new(std::sync::Barrier::new(3));
    let others: Vec<_> = (0..2)
        .map(|_| {
            let (busy, stopped, ready) = (busy.clone(), stopped.clone(), ready.clone());
            std::thread::spawn(move || {
                let mut m = busy.attach().expect("a free thread");
                m.blocked(|| {
                    ready.wait();
                    let _ = stopped.lock().expect("nobody panics").recv();
                });
            })
        })
        .collect();
    ready.wait();
    let cell = GcCell::new(1);
    for stops in 0..6 {
        let heap = Heap::builder().build()?;
        let mut m = heap.attach()?;
        for _ in 0..stops {
            m.collect(Collect::Promote);
        }
        std::mem::forget(cell.borrow_mut(&m));
        drop(m);
        let m = busy.attach()?;
        *cell.borrow_mut(&m) += 1;
        std::mem::forget(cell.borrow_mut(&m));
    }
    drop(stop);
    others.into_iter().for_each(|other| other.join().expect("no panic"));
    let heap = Heap::builder().build()?;
    let m = heap.attach()?;
    assert_eq!(cell.get(&m), 7);
    Ok(())
}
