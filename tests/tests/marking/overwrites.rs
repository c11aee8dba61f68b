//! Several mutators overwrite the same old slots and cells in every way there is while the marker runs, keep what they took out in young
//! objects and roots only, detach and attach again: nothing that can be reached is freed.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use gc_core::{Collect, Gc, GcCell, Heap, Mutator, Root, Slot, Trace};
use gc_tests::{heaps::under, random::Random};

const SALT: u64 = 0x9E37_79B9_7F4A_7C15;
const PLACES: u64 = 64;

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    check: u64,
    next: Slot<'gc, Node<'gc>>,
    cell: GcCell<Vec<Gc<'gc, Node<'gc>>>>,
}

type Table = Gc<'static, [Node<'static>]>;

fn fields<'gc>(value: u64, next: Option<Gc<'gc, Node<'gc>>>) -> Node<'gc> {
    Node { value, check: value ^ SALT, next: Slot::new(next), cell: GcCell::default() }
}

fn check<'gc>(mut node: Gc<'gc, Node<'gc>>, m: &'gc Mutator) {
    for _ in 0..8 {
        assert_eq!(node.check, node.value ^ SALT, "a live object was freed");
        assert!(node.cell.borrow(m).iter().all(|other| other.check == other.value ^ SALT), "a live object was freed");
        let Some(next) = node.next.get() else { break };
        node = next;
    }
}

/// One thread's part, with one attachment.
fn play<'gc>(m: &'gc Mutator, table: &'gc Root<Table>, random: &mut Random) -> Option<Gc<'gc, Node<'gc>>> {
    let mut hand: Option<Gc<'gc, Node<'gc>>> = None;
    let table = table.get(m);
    for _ in 0..50 {
        let place = &table[random.below(PLACES) as usize];
        let new = m.alloc(fields(random.below(u64::MAX), hand));
        hand = match random.below(8) {
            0 => place.next.swap(m, Some(new)),
            1 => place.next.take(m),
            2 => {
                let old = place.next.get();
                place.next.set(m, Some(new));
                old
            }
            3 => place.next.compare_exchange(m, place.next.get(), hand).unwrap_or_else(|found| found),
            4 => place.cell.replace(m, vec![new]).pop(),
            5 => {
                let other = &table[random.below(PLACES) as usize];
                let taken = place.cell.borrow_mut(m).pop();
                let mut cell = other.cell.borrow_mut(m);
                cell.truncate(4);
                cell.extend(taken);
                taken
            }
            6 => place.cell.take(m).pop(),
            _ => hand.and_then(|node| node.next.take(m)).or(Some(new)),
        };
        if let Some(node) = hand {
            check(node, m);
        }
    }
    hand
}

fn threads(heap: &Heap, threads: u64, seed: u64) {
    let (start, end) = (Barrier::new(threads as usize), Instant::now() + Duration::from_millis(700));
    let tables: Vec<Root<Table>> = {
        let m = heap.attach().unwrap();
        let table = m.root(m.alloc_slice_with(PLACES as usize, |i| fields(i as u64, None)));
        (0..threads).map(|_| table.clone_in(&m)).collect()
    };
    thread::scope(|scope| {
        for (thread, table) in (0..threads).zip(tables) {
            let (start, heap) = (&start, heap.clone());
            scope.spawn(move || {
                let mut random = Random::new(seed ^ thread);
                start.wait();
                while Instant::now() < end {
                    let mut m = heap.attach().unwrap();
                    for _ in 0..random.below(30) {
                        let kept = play(&m, &table, &mut random).map(|node| m.root(node));
                        m.safepoint();
                        if random.below(20) == 0 {
                            m.collect(Collect::Full);
                        }
                        if let Some(kept) = kept {
                            check(kept.get(&m), &m);
                            if random.below(2) == 0 {
                                table.get(&m)[0].next.set(&m, Some(kept.get(&m)));
                            }
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn what_is_taken_out_lives_beside_a_slow_marker() {
    threads(&under("verify,slow-marker=64,full-every=2,every-safepoint=3").build().unwrap(), 4, 3);
}

#[test]
fn what_is_taken_out_lives_where_several_mark() {
    threads(&under("full-every=1,every-safepoint=2,workers=3,promote-random").build().unwrap(), 3, 4);
}

#[test]
fn what_is_taken_out_lives_where_all_stays_young() {
    threads(
        &under("verify,slow-marker=64,full-every=3,every-safepoint=1,promote-never,tiny-nursery").build().unwrap(),
        3,
        5,
    );
}
