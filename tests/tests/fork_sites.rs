//! Allocation sites in the child of a fork.
//! Alone in its process: only the thread that forks goes on in the child.

#![forbid(unsafe_code)]

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use gc_core::{
    Collect, Gc, Heap,
    observe::sites::{self, GroupBy, SitesConfig},
};
use gc_tests::{forks::in_child, heaps::under, sizes::scaled};

/// The threads that begin and end sessions, make roots and take snapshots are gone in the child, wherever they were.
#[test]
fn a_child_goes_on_with_tracking() {
    let heap = under("verify").idle_after(Duration::MAX).sites(SitesConfig::exact()).build().unwrap();
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                sites::stop(&heap);
                sites::start(&heap, SitesConfig { frames: 2, ..SitesConfig::exact() });
                sites::clear(&heap);
                _ = sites::tracking_bytes(&heap);
            }
        });
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                heap.with(|m| {
                    let roots: Vec<_> = (0..20).map(|n| m.root(m.alloc([n; 3]))).collect();
                    _ = sites::snapshot(m);
                    assert!(roots.iter().zip(0..).all(|(root, n)| root.get(m)[2] == n));
                })
                .unwrap();
            }
        });
        let m = RefCell::new(heap.attach().unwrap());
        let object = m.borrow().root(m.borrow().alloc([7_u64; 9]));
        let id = Gc::id(object.get(&m.borrow()), &m.borrow());
        let all = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..scaled(20).max(4) {
                let child = || goes_on(&heap, &mut m.borrow_mut(), id, &object);
                in_child("sites", child, |wait| m.borrow_mut().blocked(wait));
            }
        }));
        ends.store(true, Ordering::Relaxed);
        all.unwrap();
    });
}

fn goes_on(heap: &Heap, m: &mut gc_core::Mutator, id: u64, object: &gc_core::Root<Gc<'static, [u64; 9]>>) {
    sites::stop(heap);
    assert_eq!(sites::tracking_bytes(heap), 0);
    assert!(sites::start(heap, SitesConfig::exact()));
    for _ in 0..3 {
        let line = line!() + 1;
        let root = m.root(m.alloc([1_u8; 77]));
        assert_eq!(sites::site_of_root(&root).map(|site| site.line()), Some(line));
        m.collect(Collect::Full);
        assert_eq!(sites::site_of(m, root.get(m)).map(|site| site.line()), Some(line));
        let by_type = sites::snapshot(m).statistics(GroupBy::Type);
        assert_eq!(by_type.iter().map(|statistic| statistic.live.objects).sum::<u64>(), 1);
        sites::clear(heap);
        assert_eq!((Gc::id(object.get(m), m), object.get(m)[8]), (id, 7));
    }
}
