//! Much of a limit is live, and the program reaches a safepoint at every step: `alloc` does not panic, and major collections are
//! not so many that nothing else is done; or `try_alloc` says early that little is left.

use gc_core::{AllocError, Gc, Mutator, Slot, Trace};
use gc_tests::{heaps::calm, sizes::scaled};

/// Replaces the oldest of `live` values of `size` bytes, by `alloc`. The last ones are whole in the end.
fn turn(m: &mut Mutator, live: usize, size: usize, steps: usize) {
    let ring = m.root(m.alloc_slice_with(live, |_| Slot::<[u8]>::null()));
    let bytes = vec![3; size];
    for n in 0..scaled(steps as u64) as usize {
        let value = m.alloc_slice_copy(&bytes);
        ring.get(m)[n % live].set(m, Some(value));
        m.safepoint();
    }
    assert!(
        ring.get(m).iter().filter_map(Slot::get).all(|value: Gc<[u8]>| value.len() == size && value[size / 2] == 3)
    );
}

/// Turns a ring in a heap of its own. Returns how many major collections it took.
fn ring(limit: usize, live: usize, size: usize, steps: usize) -> u64 {
    let heap = calm().hard_limit(limit).build().unwrap();
    turn(&mut heap.attach().unwrap(), live, size, steps);
    assert!(heap.stats().memory_peak <= limit);
    heap.stats().collections.full
}

/// The goal of the old generation, 337 MiB for 140 live ones, lay above the limit: marking began when an allocation was refused.
#[test]
fn a_ring_is_never_refused_below_its_limit() {
    let steps = if cfg!(debug_assertions) { 3_000_000 } else { 10_000_000 };
    // The bytes of a slice take 16 bytes more, and a slot 8.
    for (percent, most) in [(55, 30), (75, 60), (85, 120)] {
        let majors = ring(128 << 20, (128 << 20) / 100 * percent / 88, 64, steps);
        assert!(majors <= most, "{percent} %: {majors} majors");
    }
}

#[test]
fn a_ring_of_large_objects_is_never_refused_below_its_limit() {
    ring(256 << 20, 150, 1 << 20, 2000);
    ring(64 << 20, 100, 500_000, 2000);
}

/// Much is promoted, so there are GC workers, and marking takes longer than to use up the room: the cycle under way then frees
/// nothing of the ring.
#[test]
fn a_ring_of_large_objects_beside_a_long_list_is_never_refused() {
    #[derive(Trace)]
    struct Node<'gc> {
        value: u64,
        next: Option<Gc<'gc, Node<'gc>>>,
    }

    let nodes = 1 << 20;
    let heap = calm().hard_limit(128 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut list = m.root(None::<Gc<Node>>);
    for value in 0..nodes {
        let node = m.alloc(Node { value, next: list.get(&m) });
        list.set(&m, Some(node));
        m.safepoint();
    }
    turn(&mut m, 60, 500_000, 4000);
    let values = core::iter::successors(list.get(&m), |node| node.next).map(|node| node.value);
    assert!(values.eq((0..nodes).rev()));
}

#[test]
fn a_ring_that_leaves_little_is_refused_early_and_alloc_goes_on() {
    let limit = 64 << 20;
    let heap = calm().hard_limit(limit).build().unwrap();
    let mut m = heap.attach().unwrap();
    let live = limit / 100 * 90 / 88;
    let ring = m.root(m.alloc_slice_with(live, |_| Slot::<[u8; 72]>::null()));
    let mut refused = None;
    for n in 0..4 * live {
        match m.try_alloc([n as u8; 72]) {
            Ok(value) => ring.get(&m)[n % live].set(&m, Some(value)),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
        m.safepoint();
    }
    let error: AllocError<_> = refused.expect("90 % leave less than a sixteenth, as the heap counts");
    assert!(error.to_string().contains("of which the last major collection left little"), "{error}");
    for n in 0..10_000 {
        let value = m.alloc([n as u8; 72]);
        ring.get(&m)[n % live].set(&m, Some(value));
        m.safepoint();
    }
}
