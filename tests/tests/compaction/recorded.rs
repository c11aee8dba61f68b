//! Every kind of place follows its object: slots, immutable fields, memory that they own, cells, roots, slices, large objects. The heap
//! verifies itself, and each full collection moves all there is.

use std::collections::VecDeque;

use gc_core::{Collect, Gc, GcCell, Mutator, Root, Slot, Trace};
use gc_tests::{
    Tested,
    heaps::under,
    random::Random,
    sizes::{is_full, scaled},
};

#[derive(Trace)]
enum Held<'gc> {
    Nothing,
    One(Gc<'gc, Node<'gc>>),
    Many(Vec<Gc<'gc, Node<'gc>>>),
    Boxed(Box<(u64, Gc<'gc, Node<'gc>>)>),
}

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    slot: Slot<'gc, Node<'gc>>,
    fixed: Option<Gc<'gc, Node<'gc>>>,
    owned: VecDeque<Gc<'gc, Node<'gc>>>,
    cell: GcCell<Held<'gc>>,
    name: Gc<'gc, str>,
}

/// Checks a node and what it holds, to a depth.
fn check<'gc>(node: Gc<'gc, Node<'gc>>, m: &'gc Mutator, depth: u32) {
    assert_eq!(&*node.name, node.number.to_string());
    if depth == 0 {
        return;
    }
    let held = match &*node.cell.borrow(m) {
        Held::Nothing => Vec::new(),
        Held::One(node) => vec![*node],
        Held::Many(nodes) => nodes.clone(),
        Held::Boxed(pair) => vec![pair.1],
    };
    for next in held.into_iter().chain(node.slot.get()).chain(node.fixed).chain(node.owned.iter().copied()) {
        check(next, m, depth - 1);
    }
}

/// One of the nodes.
fn pick<'gc>(
    table: &'gc Root<Vec<Gc<'static, Node<'static>>>>,
    m: &'gc Mutator,
    random: &mut Random,
) -> Option<Gc<'gc, Node<'gc>>> {
    let nodes = table.borrow(m);
    (!nodes.is_empty()).then(|| nodes[random.below(nodes.len() as u64) as usize])
}

/// A graph that changes at random.
fn churn(profile: &str, rounds: u64) -> Tested {
    let heap = under(profile).build()?;
    let mut m = heap.attach()?;
    let mut random = Random::new(11);
    let mut table = m.root(Vec::<Gc<Node>>::new());
    // They lie among the nodes, and most of them die.
    let mut between = m.root(Vec::<Gc<[u64; 14]>>::new());
    let large = m.root(m.alloc_slice_with(2000, |_| Slot::<Node>::null()));
    for round in 0..rounds {
        let number = round * 1000 + random.below(1000);
        let new = m.alloc(Node {
            number,
            slot: Slot::new(pick(&table, &m, &mut random)),
            fixed: pick(&table, &m, &mut random),
            owned: (0..random.below(4)).filter_map(|_| pick(&table, &m, &mut random)).collect(),
            cell: GcCell::new(Held::Nothing),
            name: m.alloc_str(&number.to_string()),
        });
        if let (Some(holder), Some(other)) = (pick(&table, &m, &mut random), pick(&table, &m, &mut random)) {
            match random.below(6) {
                0 => holder.slot.set(&m, Some(other)),
                1 => holder.slot.set(&m, Some(new)),
                2 => *holder.cell.borrow_mut(&m) = Held::One(other),
                3 => *holder.cell.borrow_mut(&m) = Held::Many(vec![other, new, holder]),
                4 => *holder.cell.borrow_mut(&m) = Held::Boxed(Box::new((number, other))),
                _ => {
                    if let Held::Many(nodes) = &mut *holder.cell.borrow_mut(&m) {
                        nodes.extend([other; 9]);
                    }
                }
            }
            large.get(&m)[random.below(2000) as usize].set(&m, Some(other));
            check(holder, &m, 3);
        }
        let new = m.root(new);
        let nodes = table.get_mut(&m);
        nodes.push(new.get(&m));
        if nodes.len() > 300 {
            nodes.retain(|_| random.below(4) == 0);
        }
        let other = m.root(m.alloc([number; 14]));
        let others = between.get_mut(&m);
        others.push(other.get(&m));
        if others.len() > 1200 {
            others.retain(|_| random.below(8) == 0);
        }
        if round % 64 == 0 {
            large.get(&m)[random.below(2000) as usize].set(&m, None);
        }
        if round % 500 == 499 {
            m.collect(Collect::Full);
        }
        m.safepoint();
    }
    for &node in table.borrow(&m) {
        check(node, &m, 3);
    }
    assert!(between.borrow(&m).iter().all(|other| other.iter().all(|&word| word == other[0])));
    // In a part of the rounds nothing may be sparse.
    assert!(heap.stats().objects_moved > 0 || !is_full(), "{profile}: nothing was moved");
    Ok(())
}

#[test]
fn places_follow_in_each_full_collection() -> Tested {
    churn("compact-always,full-every=5,every-allocation=300,verify", scaled(2500))
}

#[test]
fn places_follow_beside_a_slow_marker() -> Tested {
    churn("compact-always,slow-marker=16,full-every=2,every-allocation=200,tiny-nursery,verify", scaled(1500))
}

#[test]
fn places_follow_where_some_blocks_stay() -> Tested {
    churn("compact-random,full-every=3,every-allocation=100,workers=3,verify", scaled(2500))
}

#[test]
fn blocks_stay_if_too_many_places_lead_there() -> Tested {
    churn("compact-always,compact-places=4000,full-every=3,every-allocation=100,slow-marker=64,verify", scaled(2500))
}

#[test]
fn places_follow_all_at_once() -> Tested {
    churn("compact-all=4,every-allocation=100,full-every=7,slow-marker=64,verify", scaled(5000))
}
