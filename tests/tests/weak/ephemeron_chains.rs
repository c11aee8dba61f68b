//! What ephemerons cost is in proportion to their number, whatever depends on what, and in whichever order they are found.

use gc_core::{Collect, Ephemeron, Gc, Heap, Mutator, Root};
use gc_tests::{
    heaps::{settle, under},
    random::Random,
    sizes::is_full,
};

type Link<'gc> = Ephemeron<'gc, u64, u64>;
type Links = Root<Vec<Link<'static>>>;

/// In which order a collection finds the ephemerons of a chain.
#[derive(Clone, Copy, Debug)]
enum Order {
    FromTheKey,
    /// Each pass over all of them would find one more.
    Against,
    Shuffled,
}

const ORDERS: [Order; 3] = [Order::FromTheKey, Order::Against, Order::Shuffled];

/// An object and a chain of ephemerons: each one's value is the key of the next.
fn chain(m: &mut Mutator, len: usize, order: Order) -> (Root<Gc<'static, u64>>, Links) {
    let first = m.alloc(0_u64);
    let mut links = Vec::with_capacity(len);
    let mut key = first;
    for number in 0..len as u64 {
        let value = m.alloc(number + 1);
        links.push(Ephemeron::new(m, key, value));
        key = value;
    }
    match order {
        Order::FromTheKey => {}
        Order::Against => links.reverse(),
        Order::Shuffled => {
            let mut random = Random::new(len as u64);
            for at in (1..len).rev() {
                links.swap(at, random.below(at as u64 + 1) as usize);
            }
        }
    }
    (m.root(first), m.root(links))
}

fn alive(m: &Mutator, links: &Links) -> usize {
    let alive = links.borrow(m).iter().filter_map(|link| link.get(m));
    alive.inspect(|(key, value)| assert_eq!(**key + 1, **value)).count()
}

fn looks(heap: &Heap, collect: impl FnOnce()) -> u64 {
    let before = heap.stats().ephemeron_looks;
    collect();
    heap.stats().ephemeron_looks - before
}

fn lengths() -> impl Iterator<Item = usize> {
    let longest = if is_full() { 1_000_000 } else { 10_000 };
    [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(move |&len| len <= longest)
}

/// A chain in one pause, which copies or promotes it.
#[test]
fn a_minor_collection_looks_at_each_ephemeron_three_times_at_most() {
    for profile in ["", "workers=2", "promote-always"] {
        for len in lengths().filter(|&len| profile.is_empty() || len < 1_000_000) {
            for order in ORDERS {
                let heap = under(profile).auto(false).nursery_bytes(256 << 20).build().unwrap();
                let mut m = heap.attach().unwrap();
                let (key, links) = chain(&mut m, len, order);
                let looked = looks(&heap, || _ = m.collect(Collect::Young));
                assert!(
                    looked >= len as u64 && looked <= 3 * len as u64,
                    "{looked} looks at {len}, {order:?}, {profile}"
                );
                assert_eq!(alive(&m, &links), len);
                drop(key);
                let looked = looks(&heap, || _ = m.collect(Collect::Promote));
                assert!(looked <= 3 * len as u64, "{looked} looks at {len} dead ones, {order:?}, {profile}");
            }
        }
    }
}

#[test]
fn marking_looks_at_each_ephemeron_twice_at_most() {
    for profile in ["", "workers=2", "stopped", "compact-always"] {
        for len in lengths().filter(|&len| profile.is_empty() || len < 1_000_000) {
            for order in ORDERS {
                let heap = under(profile).auto(false).nursery_bytes(256 << 20).build().unwrap();
                let mut m = heap.attach().unwrap();
                let (key, links) = chain(&mut m, len, order);
                m.collect(Collect::Promote);
                let looked = looks(&heap, || _ = m.collect(Collect::Full));
                assert!(
                    looked >= len as u64 && looked <= 2 * len as u64,
                    "{looked} looks at {len}, {order:?}, {profile}"
                );
                assert_eq!(alive(&m, &links), len);
                drop(key);
                let looked = looks(&heap, || _ = m.collect(Collect::Full));
                assert!(looked <= 2 * len as u64, "{looked} looks at {len} dead ones, {order:?}, {profile}");
                assert_eq!(alive(&m, &links), 0);
                assert_eq!(heap.stats().ephemerons_cleared, len as u64);
            }
        }
    }
}

/// Part of a chain is old, part is young, and the middle is cut.
#[test]
fn a_chain_through_generations_is_followed_to_where_it_is_cut() {
    for profile in ["verify", "verify,workers=2", "verify,promote-random", "verify,slow-marker=50"] {
        let heap = under(profile).auto(false).build().unwrap();
        let mut m = heap.attach().unwrap();
        let first = m.root(m.alloc(0_u64));
        let mut ends = vec![first];
        let mut all = Vec::new();
        for part in 0..8_u64 {
            let key = ends.last().unwrap().get(&m);
            let mut links = Vec::new();
            let mut last = key;
            for number in 0..100 {
                let value = m.alloc(part * 100 + number + 1);
                links.push(Ephemeron::new(&m, last, value));
                last = value;
            }
            links.reverse();
            ends.push(m.root(last));
            all.push(m.root(links));
            match part % 4 {
                0 => _ = m.collect(Collect::Young),
                1 => _ = m.collect(Collect::Promote),
                2 => _ = m.collect(Collect::Full),
                _ => {}
            }
        }
        // The first object of the fifth part is reached on its own.
        let ends: Vec<_> = ends.into_iter().enumerate().filter(|(n, _)| *n == 4).collect();
        m.collect(Collect::Young);
        m.collect(Collect::Full);
        settle(&heap);
        let counts: Vec<_> = all.iter().map(|links| alive(&m, links)).collect();
        assert_eq!(counts, [0, 0, 0, 0, 100, 100, 100, 100], "{profile}");
        drop(ends);
        m.collect(Collect::Full);
        assert!(all.iter().all(|links| alive(&m, links) == 0));
    }
}
