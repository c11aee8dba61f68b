//! What calls answer that lose against another thread: what was so at some time of the call.

use std::sync::Barrier;

use gc_core::{Gc, GcMap, Root, blocking};
use gc_tests::{heaps::under, sizes::scaled};

type Map = Root<Gc<'static, GcMap<'static, u64, u64>>>;

/// Two threads remove one value by identity. The one that is late is told that there is none.
#[test]
fn what_another_thread_removed_first_is_not_there() {
    let heap = under("").build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcMap::<u64, u64>::new()));
    let (start, end) = (Barrier::new(2), Barrier::new(2));
    for key in 0..scaled(20) {
        map.get(&m).insert(&m, key, key);
    }
    let rounds = scaled(50_000);
    let (taken, wrong): (u64, u64) = blocking::scope(&mut m, |scope| {
        let (heap, map, start, end) = (&heap, &map, &start, &end);
        let work = |first: bool| {
            move || {
                let mut m = heap.attach().unwrap();
                let (mut taken, mut wrong) = (0, 0);
                for round in 0..rounds {
                    if first {
                        map.get(&m).insert(&m, 1000, round);
                    }
                    m.blocked(|| start.wait());
                    {
                        let map = map.get(&m);
                        if let Some(current) = map.get(&1000) {
                            match map.compare_remove(&m, &1000, current) {
                                Ok(()) => taken += 1,
                                Err(found) => wrong += u64::from(found.is_some()),
                            }
                        }
                    }
                    m.blocked(|| end.wait());
                }
                (taken, wrong)
            }
        };
        let threads: Vec<_> = [true, false].map(|first| scope.spawn(work(first))).into();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    });
    assert_eq!((taken, wrong), (rounds, 0), "a value was there after its removal");
}
