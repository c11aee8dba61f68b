//! What CPython promises of `weakref` and of finalization, in `test_weakref` and `test_finalization`, asked of this heap. Written from what
//! each of them checks, by its name; proxies and weak dictionaries are not here. Where the two differ, the test says how.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use gc_core::{Collect, FinalizationQueue, Finalizer, Gc, Heap, Mutator, Root, Slot, Trace, Weak, WeakSlot};
use gc_tests::heaps;

#[derive(Trace)]
struct Object<'gc> {
    name: u64,
    next: Slot<'gc, Object<'gc>>,
    weak: WeakSlot<'gc, Object<'gc>>,
}

type ObjectRoot = Root<Gc<'static, Object<'static>>>;
type Queue = FinalizationQueue<Object<'static>>;

fn object(m: &Mutator, name: u64) -> Gc<'_, Object<'_>> {
    m.alloc(Object { name, next: Slot::null(), weak: WeakSlot::dangling() })
}

/// Objects in a ring.
fn ring(m: &Mutator, len: u64) -> ObjectRoot {
    let first = object(m, 0);
    let mut last = first;
    for name in 1..len {
        let next = object(m, name);
        last.next.set(m, Some(next));
        last = next;
    }
    last.next.set(m, Some(first));
    m.root(first)
}

/// Runs a test on objects of each age, which it makes old enough itself.
fn each(test: impl Fn(&Heap, &mut Mutator, Collect)) {
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        let heap = heaps::checked().auto(false).build().unwrap();
        test(&heap, &mut heap.attach().unwrap(), generation);
    }
}

/// Makes everything so old that collections of this generation look for it.
fn age(m: &mut Mutator, generation: Collect) {
    match generation {
        Collect::Young => {}
        Collect::Promote => _ = m.collect(Collect::Young),
        Collect::Full => _ = m.collect(Collect::Promote),
    }
}

/// A counter, and a callback that counts.
fn counter() -> (Arc<AtomicUsize>, impl Fn(&mut Mutator) + Send + Clone + 'static) {
    let count = Arc::new(AtomicUsize::new(0));
    let counts = count.clone();
    (count, move |_: &mut Mutator| _ = counts.fetch_add(1, Ordering::Relaxed))
}

// test_weakref: references.

#[test]
fn basic_ref() {
    each(|_, m, generation| {
        let strong = m.root(object(m, 1));
        let weak = m.root(Gc::downgrade(strong.get(m), m));
        age(m, generation);
        assert!(Gc::ptr_eq(weak.get(m).upgrade(m).unwrap(), strong.get(m)));
        drop(strong);
        m.collect(generation);
        assert!(weak.get(m).upgrade(m).is_none());
    });
}

#[test]
fn basic_callback_and_multiple_callbacks() {
    each(|_, m, generation| {
        let strong = m.root(object(m, 1));
        let (count, call) = counter();
        m.on_death(strong.get(m), call.clone());
        m.on_death(strong.get(m), call);
        age(m, generation);
        assert_eq!(m.run_callbacks(), 0);
        drop(strong);
        m.collect(generation);
        assert_eq!((m.run_callbacks(), m.run_callbacks()), (2, 0));
        assert_eq!(count.load(Ordering::Relaxed), 2);
    });
}

/// Callbacks of two objects see each other's weak reference dead: all are cleared before any runs.
#[test]
fn multiple_selfref_callbacks() {
    each(|_, m, generation| {
        let objects = [1, 2].map(|name| m.root(object(m, name)));
        let weaks: Arc<[Root<Weak<'static, Object<'static>>>; 2]> =
            Arc::new([0, 1].map(|n| m.root(Gc::downgrade(objects[n].get(m), m))));
        for object in &objects {
            let weaks = weaks.clone();
            m.on_death(object.get(m), move |m| assert!(weaks.iter().all(|weak| weak.get(m).upgrade(m).is_none())));
        }
        age(m, generation);
        drop(objects);
        m.collect(generation);
        assert_eq!(m.run_callbacks(), 2);
    });
}

#[test]
fn ref_reuse() {
    each(|_, m, generation| {
        let strong = m.root(object(m, 1));
        let first = m.root(Gc::downgrade(strong.get(m), m));
        age(m, generation);
        // One weak cell for all.
        assert!(Weak::ptr_eq(first.get(m), Gc::downgrade(strong.get(m), m)));
        drop(first);
        m.collect(generation);
        // After the last one went, there is a new one.
        let again = Gc::downgrade(strong.get(m), m);
        assert!(Gc::ptr_eq(again.upgrade(m).unwrap(), strong.get(m)));
    });
}

/// CPython compares live referents and refuses to hash a dead one that was never hashed. Here both go by identity, always.
#[test]
fn equality_and_hashing() {
    each(|_, m, generation| {
        let (a, b) = (m.root(object(m, 1)), m.root(object(m, 1)));
        let weaks = m.root([a.get(m), b.get(m), a.get(m)].map(|object| Gc::downgrade(object, m)));
        let check = |m: &Mutator| {
            let [a, b, again] = *weaks.borrow(m);
            assert!(a == again && a != b && a != Weak::dangling());
            let map = HashMap::from([(a, 1), (b, 2)]);
            assert_eq!((map.len(), map.get(&again)), (2, Some(&1)));
        };
        check(m);
        age(m, generation);
        check(m);
        drop((a, b));
        m.collect(generation);
        assert!(weaks.borrow(m).iter().all(|weak| weak.is_dead(m)));
        check(m);
    });
}

#[test]
fn implicit_gc_of_a_cycle() {
    each(|_, m, generation| {
        let ring = ring(m, 3);
        let weak = m.root(Gc::downgrade(ring.get(m), m));
        age(m, generation);
        drop(ring);
        m.collect(generation);
        assert!(weak.get(m).is_dead(m));
    });
}

/// The weak references are parts of the garbage, which CPython then does not call. Here a callback belongs to the heap, and is called.
#[test]
fn callback_in_cycle() {
    each(|_, m, generation| {
        let ring = ring(m, 2);
        let (first, second) = (ring.get(m), ring.get(m).next.get().unwrap());
        first.weak.set(m, Gc::downgrade(second, m));
        second.weak.set(m, Gc::downgrade(first, m));
        let (count, call) = counter();
        m.on_death(first, call.clone());
        m.on_death(second, call);
        age(m, generation);
        drop(ring);
        m.collect(generation);
        assert_eq!((m.run_callbacks(), count.load(Ordering::Relaxed)), (2, 2));
    });
}

/// Something of the garbage leads to what lives, or what lives weakly to the garbage: only the dead are told of.
#[test]
fn callback_reachable_one_way() {
    each(|_, m, generation| {
        let (dies, lives) = (ring(m, 1), ring(m, 1));
        dies.get(m).next.set(m, Some(lives.get(m)));
        lives.get(m).weak.set(m, Gc::downgrade(dies.get(m), m));
        let (sender, receiver) = mpsc::channel();
        for (object, name) in [(&dies, "dies"), (&lives, "lives")] {
            let sender = sender.clone();
            m.on_death(object.get(m), move |_| sender.send(name).unwrap());
        }
        age(m, generation);
        drop(dies);
        m.collect(generation);
        m.run_callbacks();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["dies"]);
        assert!(lives.get(m).weak.get().is_dead(m));
    });
}

#[test]
fn callbacks_on_callback() {
    each(|_, m, generation| {
        let (count, call) = counter();
        m.on_death(object(m, 1), move |m| {
            let call = call.clone();
            m.on_death(object(m, 2), call);
            m.collect(Collect::Young);
        });
        age(m, generation);
        m.collect(generation);
        // The one that a callback adds is due before that has ended, and runs in the same call.
        assert_eq!((m.run_callbacks(), count.load(Ordering::Relaxed)), (2, 1));
    });
}

#[test]
fn callback_that_collects() {
    each(|_, m, generation| {
        let other = m.root(Gc::downgrade(object(m, 2), m));
        m.on_death(object(m, 1), move |m| {
            m.collect(Collect::Full);
            assert!(other.get(m).is_dead(m));
        });
        age(m, generation);
        m.collect(generation);
        assert_eq!(m.run_callbacks(), 1);
    });
}

/// A new weak reference is made of something while the old ones of others are cleared by collections.
#[test]
fn gc_during_ref_creation() {
    let heap = heaps::under("verify,every-allocation=3").build().unwrap();
    let m = heap.attach().unwrap();
    let kept = m.root(object(&m, 1));
    for _ in 0..100 {
        let weak = Gc::downgrade(kept.get(&m), &m);
        let lost = Gc::downgrade(object(&m, 2), &m);
        assert!(weak.upgrade(&m).is_some() && lost != weak);
    }
}

// test_weakref: finalize.

#[test]
fn finalize() {
    each(|_, m, generation| {
        let (count, call) = counter();
        // Called by hand.
        let strong = m.root(object(m, 7));
        let finalizer = Finalizer::new(m, strong.get(m), call.clone());
        assert!(finalizer.is_alive() && finalizer.peek(m).unwrap().name == 7);
        assert!(finalizer.call(m) && !finalizer.call(m));
        assert!(!finalizer.is_alive() && finalizer.peek(m).is_none() && finalizer.detach(m).is_none());
        // Detached.
        let finalizer = Finalizer::new(m, strong.get(m), call.clone());
        age(m, generation);
        assert!(Gc::ptr_eq(finalizer.detach(m).unwrap(), strong.get(m)));
        assert!(!finalizer.is_alive() && !finalizer.call(m) && finalizer.peek(m).is_none());
        // Dead.
        let finalizer = Finalizer::new(m, strong.get(m), call);
        drop(strong);
        m.collect(generation);
        assert_eq!((m.run_callbacks(), count.load(Ordering::Relaxed)), (1, 2));
        assert!(!finalizer.is_alive() && !finalizer.call(m) && finalizer.peek(m).is_none());
    });
}

#[test]
fn finalizer_keeps_nothing_alive_and_needs_no_handle() {
    each(|_, m, generation| {
        let (count, call) = counter();
        let weak = m.root(Gc::downgrade(object(m, 1), m));
        drop(Finalizer::new(m, weak.get(m).upgrade(m).unwrap(), call));
        age(m, generation);
        m.collect(generation);
        assert!(weak.get(m).is_dead(m));
        assert_eq!((m.run_callbacks(), count.load(Ordering::Relaxed)), (1, 1));
    });
}

#[test]
fn finalizers_at_exit() {
    let heap = heaps::checked().auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = m.root(object(&m, 1));
    let (sender, receiver) = mpsc::channel();
    let finalizers = [1, 2, 3].map(|n| {
        let sender = sender.clone();
        Finalizer::new(&m, kept.get(&m), move |_| sender.send(n).unwrap())
    });
    finalizers[1].at_shutdown(false);
    assert_eq!(m.shutdown(), 2);
    let mut ran: Vec<_> = receiver.try_iter().collect();
    ran.sort_unstable();
    assert_eq!(ran, [1, 3]);
    assert!(finalizers[1].is_alive() && !finalizers[0].is_alive());
}

/// CPython prints what a callback raises and goes on; here the panic goes on, and the next call runs the rest.
#[test]
fn callback_that_raises() {
    each(|_, m, generation| {
        let (count, call) = counter();
        let objects = [1, 2, 3].map(|name| m.root(object(m, name)));
        m.on_death(objects[0].get(m), call.clone());
        m.on_death(objects[1].get(m), |_| panic!("a callback raises"));
        m.on_death(objects[2].get(m), call);
        age(m, generation);
        drop(objects);
        m.collect(generation);
        let mut runs = 0;
        while catch_unwind(AssertUnwindSafe(|| m.run_callbacks())).is_err() {
            runs += 1;
        }
        assert_eq!((runs, count.load(Ordering::Relaxed)), (1, 2));
    });
}

// test_finalization (PEP 442), with a queue in place of `__del__`.

/// Takes everything that is to be finalized, and returns the names in order.
fn finalized(m: &Mutator, queue: &Queue) -> Vec<u64> {
    let mut names: Vec<u64> = core::iter::from_fn(|| queue.poll(m)).map(|object| object.name).collect();
    names.sort_unstable();
    names
}

#[test]
fn simple() {
    each(|heap, m, generation| {
        let queue = Queue::new(heap);
        let strong = m.root(object(m, 1));
        let weak = m.root(Gc::downgrade(strong.get(m), m));
        queue.register(m, strong.get(m));
        age(m, generation);
        drop(strong);
        m.collect(generation);
        assert!(weak.get(m).is_dead(m));
        assert_eq!(finalized(m, &queue), [1]);
        m.collect(Collect::Full);
        assert!(finalized(m, &queue).is_empty());
    });
}

/// What comes back lives, its old weak references do not, and it is not finalized a second time unless it is registered again.
#[test]
fn simple_resurrect() {
    each(|heap, m, generation| {
        let queue = Queue::new(heap);
        let strong = m.root(object(m, 1));
        let weak = m.root(Gc::downgrade(strong.get(m), m));
        queue.register(m, strong.get(m));
        age(m, generation);
        drop(strong);
        m.collect(generation);
        let survivor = m.root(queue.poll(m).unwrap());
        m.collect(Collect::Full);
        assert!(survivor.get(m).name == 1 && weak.get(m).is_dead(m));
        let new = m.root(Gc::downgrade(survivor.get(m), m));
        drop(survivor);
        m.collect(Collect::Full);
        assert!(new.get(m).is_dead(m) && queue.is_empty());
    });
}

#[test]
fn self_cycle_and_its_resurrection() {
    each(|heap, m, generation| {
        let queue = Queue::new(heap);
        let ring = ring(m, 1);
        queue.register(m, ring.get(m));
        age(m, generation);
        drop(ring);
        m.collect(generation);
        let back = m.root(queue.poll(m).unwrap());
        m.collect(Collect::Full);
        assert!(Gc::ptr_eq(back.get(m).next.get().unwrap(), back.get(m)));
        drop(back);
        m.collect(Collect::Full);
        assert!(queue.is_empty());
    });
}

/// All of a cycle have finalizers.
#[test]
fn homogenous_cycle() {
    each(|heap, m, generation| {
        let queue = Queue::new(heap);
        let ring = ring(m, 5);
        let mut at = ring.get(m);
        for _ in 0..5 {
            queue.register(m, at);
            at = at.next.get().unwrap();
        }
        age(m, generation);
        drop(ring);
        m.collect(generation);
        // Each finds its neighbour whole, whichever comes first.
        let first = queue.poll(m).unwrap();
        assert_eq!(first.next.get().unwrap().name, (first.name + 1) % 5);
        let mut names = finalized(m, &queue);
        names.push(first.name);
        names.sort_unstable();
        assert_eq!(names, [0, 1, 2, 3, 4]);
        m.collect(Collect::Full);
        assert!(queue.is_empty());
    });
}

/// Some of a cycle have finalizers; one of them brings all back, also those without.
#[test]
fn heterogenous_cycle_resurrected_by_one() {
    each(|heap, m, generation| {
        let queue = Queue::new(heap);
        let ring = ring(m, 6);
        let mut at = ring.get(m);
        for name in 0..6 {
            if name % 2 == 0 {
                queue.register(m, at);
            }
            at = at.next.get().unwrap();
        }
        age(m, generation);
        drop(ring);
        m.collect(generation);
        let back = m.root(queue.poll(m).unwrap());
        assert_eq!(finalized(m, &queue).len(), 2);
        m.collect(Collect::Full);
        let mut names = Vec::new();
        let mut at = back.get(m);
        for _ in 0..6 {
            names.push(at.name);
            at = at.next.get().unwrap();
        }
        names.sort_unstable();
        assert!(names == [0, 1, 2, 3, 4, 5] && Gc::ptr_eq(at, back.get(m)));
        drop(back);
        m.collect(Collect::Full);
        assert!(queue.is_empty(), "each is finalized once");
    });
}

/// An object that is finalized sees the one that it holds before that is finalized, and holds it back if it comes back.
#[test]
fn what_a_finalizer_brings_back_holds_what_it_holds() {
    each(|heap, m, generation| {
        let queue = Queue::new(heap);
        let outer = m.root(object(m, 1));
        outer.get(m).next.set(m, Some(object(m, 2)));
        queue.register(m, outer.get(m));
        age(m, generation);
        drop(outer);
        m.collect(generation);
        let outer = m.root(queue.poll(m).unwrap());
        queue.register(m, outer.get(m).next.get().unwrap());
        m.collect(Collect::Full);
        assert!(queue.is_empty());
        drop(outer);
        m.collect(Collect::Full);
        assert_eq!(finalized(m, &queue), [2]);
    });
}
