//! Identities.

use std::{collections::HashSet, thread};

use gc_core::{Collect, FinalizationQueue, Gc, Root};
use gc_tests::{heaps, sizes::scaled};

#[test]
fn it_survives_moving_and_is_never_used_again() {
    let heap = heaps::checked().auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut seen = HashSet::new();
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        let kept: Vec<Root<Gc<'static, u64>>> = (0..100_u64).map(|n| m.root(m.alloc(n))).collect();
        let ids: Vec<u64> = kept.iter().map(|root| Gc::id(root.get(&m), &m)).collect();
        assert!(ids.iter().all(|&id| seen.insert(id)));
        for _ in 0..3 {
            m.collect(generation);
            assert!(kept.iter().zip(&ids).all(|(root, &id)| Gc::id(root.get(&m), &m) == id));
        }
        m.compact();
        assert!(kept.iter().zip(&ids).all(|(root, &id)| Gc::id(root.get(&m), &m) == id));
    }
    m.collect(Collect::Full);
    assert_eq!(heap.stats().registered, 0, "entries of dead objects are gone");
}

#[test]
fn objects_that_were_never_asked_pay_nothing() {
    let heap = heaps::calm().auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let _kept: Vec<Root<Gc<'static, u64>>> = (0..100_u64).map(|n| m.root(m.alloc(n))).collect();
    m.collect(Collect::Full);
    assert_eq!(heap.stats().registered, 0);
}

#[test]
fn two_threads_that_ask_at_once_agree() {
    let heap = heaps::checked().build().unwrap();
    let m = heap.attach().unwrap();
    let objects: Vec<Root<Gc<'static, u64>>> = (0..scaled(5000) as u64).map(|n| m.root(m.alloc(n))).collect();
    drop(m.park());
    let ask = || {
        let mut m = heap.attach().unwrap();
        objects.iter().fold(Vec::new(), |mut ids, root| {
            let object = root.get(&m);
            // A weak reference knows the same identity.
            let id = if ids.len() % 2 == 0 { Gc::id(object, &m) } else { Gc::downgrade(object, &m).id().unwrap() };
            ids.push(id);
            m.safepoint();
            ids
        })
    };
    let (a, b) = thread::scope(|scope| {
        let (a, b) = (scope.spawn(ask), scope.spawn(ask));
        (a.join().unwrap(), b.join().unwrap())
    });
    assert_eq!(a, b);
    assert_eq!(a.iter().collect::<HashSet<_>>().len(), objects.len());
}

/// Weak references that are dead name it still, those to what it reaches, too.
#[test]
fn an_object_that_comes_back_is_the_one_that_its_dead_weak_references_name() {
    for generation in [Collect::Young, Collect::Full] {
        let heap = heaps::checked().auto(false).build().unwrap();
        let mut m = heap.attach().unwrap();
        let queue = FinalizationQueue::<Option<Gc<'static, u64>>>::new(&heap);
        let inner = m.alloc(1_u64);
        let outer = m.root(m.alloc(Some(inner)));
        let weaks = m.root((Gc::downgrade(outer.get(&m), &m), Gc::downgrade(inner, &m)));
        queue.register(&m, outer.get(&m));
        if generation == Collect::Full {
            m.collect(Collect::Promote);
        }
        drop(outer);
        m.collect(generation);
        let (of_outer, of_inner) = *weaks.borrow(&m);
        let back = queue.poll(&m).unwrap();
        assert!(of_outer.is_dead(&m) && of_inner.is_dead(&m));
        assert_eq!(of_outer.id(), Some(Gc::id(back, &m)), "{generation:?}");
        assert_eq!(of_inner.id(), Some(Gc::id(back.unwrap(), &m)), "{generation:?}");
    }
}
