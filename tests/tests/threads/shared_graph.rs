//! A graph that several mutators change at once, under settings chosen by many seeds: every node is what it was made to be.

use std::thread;

use gc_core::{Collect, Gc, GcCell, Mutator, Root, Slot, Trace};
use gc_tests::{heaps::under, random::Random};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    check: Gc<'gc, u64>,
    slots: [Slot<'gc, Node<'gc>>; 2],
    fixed: Option<Gc<'gc, Node<'gc>>>,
    owned: Box<[Gc<'gc, u64>]>,
    bag: GcCell<Vec<Gc<'gc, Node<'gc>>>>,
}

fn node<'gc>(m: &'gc Mutator, value: u64, from: Gc<'gc, Node<'gc>>) -> Gc<'gc, Node<'gc>> {
    let check = m.alloc(!value);
    m.alloc(Node {
        value,
        check,
        slots: [Slot::new(Some(from)), Slot::null()],
        fixed: value.is_multiple_of(8).then_some(from),
        owned: vec![check; 2].into(),
        bag: GcCell::default(),
    })
}

fn whole(node: Gc<'_, Node<'_>>) {
    assert_eq!(*node.check, !node.value);
    assert!(node.owned.iter().all(|&check| Gc::ptr_eq(check, node.check)));
}

/// Somewhere in the graph.
fn walk<'gc>(m: &'gc Mutator, random: &mut Random, mut at: Gc<'gc, Node<'gc>>) -> Gc<'gc, Node<'gc>> {
    for _ in 0..random.below(6) {
        whole(at);
        let next = match random.below(4) {
            0 => at.slots[0].get(),
            1 => at.slots[1].get(),
            2 => at.fixed,
            _ => {
                let bag = at.bag.borrow(m);
                (!bag.is_empty()).then(|| bag[random.below(bag.len() as u64) as usize])
            }
        };
        at = next.unwrap_or(at);
    }
    whole(at);
    at
}

fn run(seed: u64) {
    let heap = under(&format!("random={seed}")).chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap();
    let mut m = heap.attach().unwrap();
    let top: Root<Gc<Node>> = {
        let check = m.alloc(!0);
        let owned = vec![check].into();
        let slots = [Slot::null(), Slot::null()];
        m.root(m.alloc(Node { value: 0, check, slots, fixed: None, owned, bag: GcCell::default() }))
    };
    m.blocked(|| {
        thread::scope(|scope| {
            let run = |id: u64| {
                let (heap, top) = (&heap, &top);
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    let mut random = Random::new(seed << 8 | id);
                    let mut mine: Root<Gc<Node>> = m.root(top.get(&m));
                    for turn in 0..if cfg!(debug_assertions) { 40 } else { 300 } {
                        {
                            let from = walk(&m, &mut random, if turn % 2 == 0 { top.get(&m) } else { mine.get(&m) });
                            let made = node(&m, random.draw(), from);
                            match random.below(6) {
                                0 => from.slots[0].set(&m, Some(made)),
                                1 => from.slots[1].set(&m, Some(made)),
                                2 => {
                                    let mut bag = from.bag.borrow_mut(&m);
                                    bag.push(made);
                                    if bag.len() > 20 {
                                        bag.clear();
                                    }
                                }
                                3 => drop(from.slots[1].swap(&m, Some(made)).map(whole)),
                                4 => mine.set(&m, made),
                                _ => top.get(&m).slots[(turn % 2) as usize].set(&m, Some(made)),
                            }
                        }
                        match random.below(20) {
                            0 => drop(m.collect(Collect::Young)),
                            1 => m.blocked(thread::yield_now),
                            2 if turn % 3 == 0 => {
                                drop(m);
                                m = heap.attach().unwrap();
                            }
                            3 if turn % 5 == 0 => drop(m.collect(Collect::Full)),
                            _ => m.safepoint(),
                        }
                    }
                    walk(&m, &mut random, top.get(&m));
                })
            };
            let threads: Vec<_> = (0..3).map(run).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
}

#[test]
fn nodes_stay_what_they_were_made_to_be() {
    (0..6).for_each(run);
}

#[test]
fn nodes_stay_what_they_were_made_to_be_by_other_seeds() {
    (6..12).for_each(run);
}
