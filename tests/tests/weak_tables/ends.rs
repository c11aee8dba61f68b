//! A heap ends when its last user lets go of it, also while one of its own threads removes dead entries.

use gc_core::{Collect, Event, Gc, Heap, Interner, Leaf, Level, Mutator, Root, Stress, WeakKeyMap};
use gc_tests::{
    heaps::{TIMEOUT, calm, wait_until},
    sizes::scaled,
};
use std::hash::{BuildHasher, RandomState};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use std::time::Duration;

const MANY: u64 = 20_000;

/// Makes a table of entries whose objects are dead, and an object by which the test sees that the heap has ended.
fn filled(m: &mut Mutator, alive: &Arc<()>) -> Root<Interner<'static, u64>> {
    m.alloc(Leaf(alive.clone()));
    let numbers = m.root(Interner::<u64>::new(m));
    for n in 0..MANY {
        numbers.get(m).intern(m, n);
        if n % 64 == 0 {
            m.safepoint();
        }
    }
    numbers
}

/// Returns a heap that tells whether it had to end without one of its threads.
fn watched(alone: &Arc<AtomicBool>) -> Heap {
    let alone = alone.clone();
    let tell = move |event: &Event| _ = alone.fetch_or(matches!(event, Event::EndsAlone { .. }), Relaxed);
    // So that a busy machine is not taken for a thread that hangs.
    calm().slow_destructor(Duration::from_secs(20)).on_event(Level::Warning, tell).build().unwrap()
}

/// Has the numbers found dead, and waits until the first ones have been removed.
#[track_caller]
fn removing(m: &mut Mutator, numbers: &Root<Interner<'static, u64>>) {
    m.collect(Collect::Full);
    wait_until("entries are removed", || {
        m.blocked(std::thread::yield_now);
        numbers.get(m).len() < MANY as usize
    });
}

/// `go` lets go of the heap while dead entries are being removed. Nothing of it is left then.
#[track_caller]
fn ends(go: impl Fn(Heap, Mutator, Root<Interner<'static, u64>>)) {
    for round in 0..scaled(12) {
        let alone = Arc::new(AtomicBool::new(false));
        let heap = watched(&alone);
        let weak = heap.downgrade();
        let alive = Arc::new(());
        let mut m = heap.attach().unwrap();
        let numbers = filled(&mut m, &alive);
        removing(&mut m, &numbers);
        go(heap, m, numbers);
        assert!(weak.upgrade().is_none(), "round {round}");
        assert_eq!(Arc::strong_count(&alive), 1, "round {round}");
        assert!(!alone.load(Relaxed), "round {round}: a thread of the heap did not come to its end");
    }
}

#[test]
fn with_its_last_mutator() {
    ends(|heap, m, numbers| drop((numbers, heap, m)));
}

#[test]
fn with_its_last_handle() {
    ends(|heap, m, numbers| drop((numbers, m, heap)));
}

#[test]
fn with_a_parked_mutator() {
    ends(|heap, m, numbers| {
        let parked = m.park();
        drop((numbers, heap, parked));
    });
}

/// The thread that lets go of it runs a mutator of another heap meanwhile.
#[test]
fn by_a_thread_of_another_heap() {
    let other = calm().build().unwrap();
    ends(|heap, m, numbers| {
        let parked = m.park();
        let _m = other.attach().unwrap();
        drop((numbers, parked, heap));
    });
}

/// The last user goes on a thread that runs destructors, of another heap or of this one.
#[test]
fn by_a_destructor() {
    for _ in 0..scaled(12) {
        let heap = calm().build().unwrap();
        let other = calm().build().unwrap();
        let weak = heap.downgrade();
        let alive = Arc::new(());
        let mut m = heap.attach().unwrap();
        let numbers = filled(&mut m, &alive);
        removing(&mut m, &numbers);
        let parked = m.park();
        let mut m = other.attach().unwrap();
        m.alloc(Leaf(heap));
        drop((numbers, parked));
        m.collect(Collect::Full);
        m.drain_drops(TIMEOUT).unwrap();
        assert!(weak.upgrade().is_none());
        // A heap's own thread does not wait for the end of another one.
        wait_until("the heap ends", || Arc::strong_count(&alive) == 1);
    }
}

/// A value of the heap is dropped, upgrades a handle, and lets go of what is the heap's last one then.
#[test]
fn by_a_destructor_of_its_own() {
    struct Upgrades(gc_core::WeakHeap, std::sync::mpsc::Sender<bool>);
    impl Drop for Upgrades {
        fn drop(&mut self) {
            let heap = self.0.upgrade();
            std::thread::yield_now();
            let _ = self.1.send(heap.is_some());
        }
    }
    for _ in 0..scaled(12) {
        let heap = calm().build().unwrap();
        let weak = heap.downgrade();
        let alive = Arc::new(());
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut m = heap.attach().unwrap();
        let numbers = filled(&mut m, &alive);
        for _ in 0..100 {
            m.alloc(Leaf(parking_lot::Mutex::new(Upgrades(weak.clone(), sender.clone()))));
        }
        drop(sender);
        removing(&mut m, &numbers);
        drop((numbers, m, heap));
        // The thread of a destructor may be the last one that has a handle, and waits for the end.
        assert_eq!(receiver.iter().count(), 100);
        assert!(weak.upgrade().is_none());
    }
}

/// The hasher of a table owns a root of its heap, as a leaf may: such a root goes with what owns it.
struct Keeps(RandomState, #[expect(dead_code, reason = "it is dropped")] (Root<Gc<'static, u64>>, Arc<()>));

impl BuildHasher for Keeps {
    type Hasher = <RandomState as BuildHasher>::Hasher;

    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

/// A heap whose users are gone ends when it finds that it is idle.
fn idle_soon() -> Heap {
    Heap::builder().stress(Stress::default()).idle_after(Duration::from_millis(20)).build().unwrap()
}

/// Dead entries that nobody removes any more keep their table no longer, which keeps the heap.
#[test]
fn though_its_dead_table_owns_a_root() {
    for (dead, drained) in [(0, true), (MANY, true), (MANY, false)] {
        let heap = idle_soon();
        let alive = Arc::new(());
        let mut m = heap.attach().unwrap();
        let kept = m.root(m.alloc(7_u64));
        let numbers = m.root(Interner::<u64, Keeps>::with_hasher(&m, Keeps(RandomState::new(), (kept, alive.clone()))));
        (0..dead).for_each(|n| _ = numbers.get(&m).intern(&m, n));
        m.collect(Collect::Full);
        if drained {
            m.drain_drops(TIMEOUT).unwrap();
        }
        drop((numbers, m, heap));
        wait_until("the heap ends", || Arc::strong_count(&alive) == 1);
    }
}

/// The same by a map alone: the value of a key owns the root that keeps the key.
#[test]
fn though_its_dead_map_has_a_value_that_owns_a_root() {
    for drained in [true, false] {
        let heap = idle_soon();
        let alive = Arc::new(());
        let mut m = heap.attach().unwrap();
        let key = m.root(m.alloc(7_u64));
        let map = m.root(WeakKeyMap::<u64, Option<Leaf<(Root<Gc<'static, u64>>, Arc<()>)>>>::new(&m));
        let own = m.root(key.get(&m));
        map.get(&m).insert(&m, key.get(&m), Some(Leaf((own, alive.clone()))));
        (0..MANY).for_each(|n| _ = map.get(&m).insert(&m, m.alloc(n), None));
        drop(key);
        m.collect(Collect::Full);
        if drained {
            m.drain_drops(TIMEOUT).unwrap();
        }
        drop((map, m, heap));
        wait_until("the heap ends", || Arc::strong_count(&alive) == 1);
    }
}
