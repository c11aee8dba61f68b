//! Slices of more than a piece, small and large, of everything a slice may hold (slots, cells, boxes, maps), copied by several
//! workers that split them, while some elements were written by other mutators just before.

use std::collections::{LinkedList, VecDeque};

use gc_core::{
    Collect, Gc, GcCell, Mutator, Root, Slot, Trace, blocking,
    collections::{BTreeMap, HashMap},
};
use gc_tests::{heaps::under, random::Random};

#[derive(Trace)]
struct Small<'gc> {
    value: u32,
    peer: Slot<'gc, Small<'gc>>,
}

#[derive(Trace)]
struct Owner<'gc> {
    boxed: Box<Gc<'gc, Small<'gc>>>,
    vec: Vec<Option<Gc<'gc, Small<'gc>>>>,
    map: HashMap<u32, Gc<'gc, Small<'gc>>>,
    tree: BTreeMap<u32, Box<[Gc<'gc, Small<'gc>>]>>,
    list: LinkedList<Gc<'gc, Small<'gc>>>,
    ring: VecDeque<Gc<'gc, Small<'gc>>>,
    cell: GcCell<Vec<Gc<'gc, Small<'gc>>>>,
    pair: GcCell<(u64, Option<Gc<'gc, Small<'gc>>>)>,
    slot: Slot<'gc, [Slot<'gc, Small<'gc>>]>,
}

fn small<'gc>(m: &'gc Mutator, value: u32) -> Gc<'gc, Small<'gc>> {
    let peer = m.alloc(Small { value: !value, peer: Slot::null() });
    m.alloc(Small { value, peer: Slot::new(Some(peer)) })
}

fn check(small: Gc<'_, Small<'_>>, value: u32) {
    assert_eq!(small.value, value);
    assert_eq!(small.peer.get().unwrap().value, !value);
}

fn owner<'gc>(m: &'gc Mutator, n: u32) -> Owner<'gc> {
    Owner {
        boxed: Box::new(small(m, n)),
        vec: vec![None, Some(small(m, n))],
        map: [(n, small(m, n))].into(),
        tree: [(n, vec![small(m, n), small(m, n)].into_boxed_slice())].into(),
        list: [small(m, n)].into(),
        ring: [small(m, n)].into(),
        cell: GcCell::new(vec![small(m, n); 2]),
        pair: GcCell::new((n.into(), Some(small(m, n)))),
        slot: Slot::new(Some(m.alloc_slice_with(3, |_| Slot::new(Some(small(m, n)))))),
    }
}

fn check_owner(m: &Mutator, owner: &Owner<'_>, n: u32) {
    check(*owner.boxed, n);
    check(owner.vec[1].unwrap(), n);
    check(owner.map[&n], n);
    owner.tree[&n].iter().for_each(|&s| check(s, n));
    check(owner.list.front().copied().unwrap(), n);
    check(owner.ring[0], n);
    owner.slot.get().unwrap().iter().for_each(|s| check(s.get().unwrap(), n));
    let _ = m;
}

fn check_cells<'gc>(m: &'gc Mutator, owner: Gc<'gc, [Owner<'gc>]>) {
    for (n, owner) in owner.iter().enumerate() {
        let n = n as u32;
        check_owner(m, owner, n);
        owner.cell.borrow(m).iter().for_each(|&s| check(s, n));
        let (number, some) = owner.pair.get(m);
        assert_eq!(number, u64::from(n));
        check(some.unwrap(), n);
    }
}

fn run(profile: &str, seed: u64) {
    let heap = under(profile).chunk_bytes(64 << 10).nursery_bytes(256 << 10).build().unwrap();
    let mut m = heap.attach().unwrap();
    // Larger than a piece and large; the second is small.
    let owners: Vec<Root<Gc<[Owner]>>> =
        [1030_u32, 20].iter().map(|&len| m.root(m.alloc_slice_with(len as usize, |n| owner(&m, n as u32)))).collect();
    let plain: Root<Gc<[Slot<Small>]>> =
        m.root(m.alloc_slice_with(5000, |n| Slot::new((n % 3 == 0).then(|| small(&m, n as u32)))));
    let heap = &heap;
    for round in 0..3 {
        let (owners, plain) = (&owners, &plain);
        blocking::scope(&mut m, |scope| {
            for id in 0..3_u64 {
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    let mut random = Random::new(seed * 1000 + round * 10 + id);
                    for _ in 0..if cfg!(debug_assertions) { 15 } else { 60 } {
                        for root in owners {
                            let slice = root.get(&m);
                            let n = random.below(slice.len() as u64) as u32;
                            let owner = &slice[n as usize];
                            owner.cell.borrow_mut(&m).push(small(&m, n));
                            owner.pair.set(&m, (n.into(), Some(small(&m, n))));
                            owner.slot.get().unwrap()[1].set(&m, Some(small(&m, n)));
                            owner.slot.set(&m, Some(m.alloc_slice_with(3, |_| Slot::new(Some(small(&m, n))))));
                        }
                        let slice = plain.get(&m);
                        for _ in 0..20 {
                            let n = random.below(5000) as u32;
                            slice[n as usize].set(&m, Some(small(&m, n)));
                        }
                        m.safepoint();
                    }
                });
            }
        });
        m.collect([Collect::Young, Collect::Promote, Collect::Full][round as usize % 3]);
        owners.iter().for_each(|root| check_cells(&m, root.get(&m)));
        for (n, slot) in plain.get(&m).iter().enumerate() {
            if let Some(small) = slot.get() {
                check(small, n as u32);
            }
        }
    }
    assert!(heap.stats().bytes_by_helpers > 0, "nobody helped");
}

#[test]
fn slices_in_pieces_are_whole_by_age() {
    run("workers=4,verify", 1);
}

#[test]
fn slices_in_pieces_are_whole_whatever_is_promoted() {
    run("workers=3,promote-random,to-space-full=3,verify", 2);
}

#[test]
fn slices_in_pieces_are_whole_where_all_stays_young() {
    run("workers=4,promote-never,verify", 3);
}
