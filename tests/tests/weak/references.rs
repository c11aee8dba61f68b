//! Weak references, one property at a time.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use gc_core::{Collect, Gc, GcCell, Heap, Root, Slot, Trace, Weak, WeakSlot};
use gc_tests::{
    heaps::{self, wait_until},
    sizes::scaled,
};

fn heap() -> Heap {
    heaps::checked().auto(false).build().unwrap()
}

const ALL: [Collect; 3] = [Collect::Young, Collect::Promote, Collect::Full];

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    immutable: Weak<'gc, Node<'gc>>,
    mutable: WeakSlot<'gc, Node<'gc>>,
    strong: Slot<'gc, Node<'gc>>,
}

fn node<'gc>(value: u64) -> Node<'gc> {
    Node { value, immutable: Weak::dangling(), mutable: WeakSlot::dangling(), strong: Slot::null() }
}

#[test]
fn it_is_one_word() {
    assert_eq!(size_of::<Weak<u64>>(), size_of::<usize>());
    assert_eq!(size_of::<Weak<str>>(), size_of::<usize>());
    assert_eq!(size_of::<WeakSlot<[u8]>>(), size_of::<usize>());
}

#[test]
fn a_target_that_only_weak_references_lead_to_dies_in_each_generation() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    for made_old in [0, 1, 2] {
        let target = m.root(m.alloc(node(1)));
        let weak = m.root(Gc::downgrade(target.get(&m), &m));
        for _ in 0..made_old {
            m.collect(Collect::Young);
        }
        assert_eq!(weak.get(&m).upgrade(&m).unwrap().value, 1);
        drop(target);
        let generation = ALL[made_old];
        m.collect(generation);
        assert!(weak.get(&m).upgrade(&m).is_none(), "{generation:?}");
        assert!(weak.get(&m).is_dead(&m));
    }
}

#[test]
fn a_target_that_lives_is_found_wherever_it_moves() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let target = m.root(m.alloc(node(7)));
    let weak = m.root(Gc::downgrade(target.get(&m), &m));
    for generation in ALL.into_iter().cycle().take(9) {
        m.collect(generation);
        let found = weak.get(&m).upgrade(&m).unwrap();
        assert!(Gc::ptr_eq(found, target.get(&m)) && found.value == 7);
    }
    m.compact();
    assert!(Gc::ptr_eq(weak.get(&m).upgrade(&m).unwrap(), target.get(&m)));
}

#[test]
fn a_weak_reference_to_an_old_object_survives_as_the_cell_gets_old() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let target = m.root(m.alloc(node(7)));
    m.collect(Collect::Full);
    let weak = m.root(Gc::downgrade(target.get(&m), &m));
    for generation in [Collect::Young, Collect::Young, Collect::Full, Collect::Full] {
        m.collect(generation);
        assert!(Weak::ptr_eq(weak.get(&m), Gc::downgrade(target.get(&m), &m)), "{generation:?}");
    }
    drop(target);
    m.collect(Collect::Promote);
    assert!(!weak.get(&m).is_dead(&m), "a minor collection does not look for dead old objects");
    m.collect(Collect::Full);
    assert!(weak.get(&m).is_dead(&m));
}

#[test]
fn weak_cells_die_with_their_last_reference() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let target = m.root(m.alloc(node(7)));
    for made_old in [false, true] {
        let weak = m.root(Gc::downgrade(target.get(&m), &m));
        if made_old {
            m.collect(Collect::Promote);
        }
        let before = heap.stats().registered;
        drop(weak);
        m.collect(if made_old { Collect::Full } else { Collect::Young });
        assert_eq!((before, heap.stats().registered), (1, 0));
    }
}

#[test]
fn targets_may_be_strings_slices_and_large() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let text = m.root(m.alloc_str("text"));
    let numbers = m.root(m.alloc_slice_copy(&[1_u64; 2000]));
    let roots: (Root<Weak<'static, str>>, Root<Weak<'static, [u64]>>) =
        (m.root(Gc::downgrade(text.get(&m), &m)), m.root(Gc::downgrade(numbers.get(&m), &m)));
    for generation in ALL {
        m.collect(generation);
        assert_eq!(roots.0.get(&m).upgrade(&m).as_deref(), Some("text"));
        assert_eq!(roots.1.get(&m).upgrade(&m).map(|numbers| numbers.len()), Some(2000));
    }
    drop((text, numbers));
    m.collect(Collect::Full);
    assert!(roots.0.get(&m).is_dead(&m) && roots.1.get(&m).is_dead(&m));
    // A large object that dies young.
    let young = m.root(Gc::downgrade(m.alloc_slice_copy(&[1_u64; 2000]), &m));
    m.collect(Collect::Young);
    assert!(young.get(&m).is_dead(&m));
}

#[test]
fn fields_and_containers_hold_them() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let target = m.root(m.alloc(node(1)));
    let weak = Gc::downgrade(target.get(&m), &m);
    let holder = m.root(m.alloc(Node { immutable: weak, mutable: WeakSlot::new(weak), ..node(2) }));
    let many = m.root(m.alloc(GcCell::new(vec![weak; 3])));
    for generation in ALL {
        m.collect(generation);
        let (holder, live) = (holder.get(&m), Gc::downgrade(target.get(&m), &m));
        assert!(holder.immutable == live && holder.mutable.get() == live);
        assert!(many.get(&m).borrow(&m).iter().all(|weak| *weak == live));
    }
    // A field that is written when its object is old.
    let other = m.alloc(node(3));
    holder.get(&m).mutable.set(&m, Gc::downgrade(other, &m));
    holder.get(&m).strong.set(&m, Some(other));
    m.collect(Collect::Young);
    assert_eq!(holder.get(&m).mutable.get().upgrade(&m).map(|node| node.value), Some(3));
    holder.get(&m).strong.set(&m, None);
    drop(target);
    m.collect(Collect::Full);
    let holder = holder.get(&m);
    assert!(holder.immutable.is_dead(&m) && holder.mutable.get().is_dead(&m));
    assert!(many.get(&m).borrow(&m).iter().all(|weak| weak.upgrade(&m).is_none()));
}

#[test]
fn they_are_equal_and_hashed_by_identity_also_when_dead() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let (a, b) = (m.root(m.alloc(node(1))), m.root(m.alloc(node(1))));
    let weak = m.root([a.get(&m), a.get(&m), b.get(&m)].map(|node| Gc::downgrade(node, &m)));
    let check = |m: &gc_core::Mutator| {
        let [a1, a2, b] = *weak.borrow(m);
        assert!(a1 == a2 && a1 != b && b != Weak::dangling());
        let set: HashSet<_> = [a1, a2, b, Weak::dangling()].into_iter().collect();
        assert_eq!(set.len(), 3);
        (a1.id(), b.id())
    };
    let ids = check(&m);
    assert_eq!(ids, (Some(Gc::id(a.get(&m), &m)), Some(Gc::id(b.get(&m), &m))));
    for generation in ALL {
        m.collect(generation);
        assert_eq!(check(&m), ids);
    }
    drop((a, b));
    m.collect(Collect::Full);
    assert!(weak.borrow(&m).iter().all(|weak| weak.is_dead(&m)));
    assert_eq!(check(&m), ids);
    assert_eq!(Weak::<u64>::dangling(), Weak::default());
}

/// The only way to the target is the weak reference, and the only pointer to it is written into an object that may be marked by then.
#[test]
fn what_an_upgrade_has_returned_stays_alive_while_marking() {
    let heap = heaps::under("verify,slow-marker=1").auto(false).build().unwrap();
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut m = heap.attach().unwrap();
            while !ends.load(Ordering::Relaxed) {
                m.collect(Collect::Full);
            }
        });
        let mut m = heap.attach().unwrap();
        for _ in 0..scaled(100) {
            let target = m.root(m.alloc(Node { strong: Slot::from(m.alloc(node(9))), ..node(8) }));
            let weak = m.root(Gc::downgrade(target.get(&m), &m));
            let keep = m.root(m.alloc(node(0)));
            m.safepoint();
            drop(target);
            let cycles = heap.stats().collections.full;
            wait_until("a cycle ends", || {
                let Some(found) = weak.get(&m).upgrade(&m) else { return true };
                assert_eq!((found.value, found.strong.get().unwrap().value), (8, 9));
                keep.get(&m).strong.set(&m, Some(found));
                m.safepoint();
                let found = keep.get(&m).strong.take(&m).unwrap();
                assert_eq!((found.value, found.strong.get().unwrap().value), (8, 9));
                assert!(Gc::ptr_eq(weak.get(&m).upgrade(&m).unwrap(), found));
                m.safepoint();
                heap.stats().collections.full > cycles
            });
            wait_until("the target dies", || {
                m.safepoint();
                weak.get(&m).is_dead(&m)
            });
        }
        ends.store(true, Ordering::Relaxed);
    });
}
