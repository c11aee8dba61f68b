//! Big cells side by side in one object and in a slice, beside containers in no cell, all traced in pieces: contents move from one cell to
//! another between pieces, and cells outgrow a piece after they were logged. Full collections and compactions end the cycle at any point.

use std::{
    collections::VecDeque,
    mem,
    sync::atomic::{AtomicBool, Ordering},
};

use gc_core::{Collect, Gc, GcCell, Mutator, Root, Slot, Trace, blocking};
use gc_tests::{heaps::under, random::Random};

use super::big_cells::Ends;

/// Elements that are traced at once, as the collector has it.
const PIECE: u64 = 1024;
const CYCLES: u64 = 3;

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    check: u64,
    next: Slot<'gc, Node<'gc>>,
}

fn node<'gc>(m: &'gc Mutator, number: u64) -> Gc<'gc, Node<'gc>> {
    let next = m.alloc(Node { number, check: !number, next: Slot::null() });
    m.alloc(Node { number, check: !number, next: Slot::new(Some(next)) })
}

fn check(node: Gc<'_, Node<'_>>) {
    assert_eq!(node.check, !node.number);
    let next = node.next.get().expect("a node has a next one");
    assert_eq!((next.number, next.check), (node.number, !node.number));
}

type Nodes<'gc> = VecDeque<Option<Gc<'gc, Node<'gc>>>>;

#[derive(Trace)]
struct Holder<'gc> {
    rows: Vec<Box<[Option<Gc<'gc, Node<'gc>>>]>>,
    one: Slot<'gc, Node<'gc>>,
    cells: [GcCell<Nodes<'gc>>; 3],
    array: Box<[Option<Gc<'gc, Node<'gc>>>; 1500]>,
    last: GcCell<(Nodes<'gc>, Vec<Nodes<'gc>>)>,
}

/// So many elements. Few of them are nodes, so that marking takes pieces rather than objects.
fn nodes<'gc>(m: &'gc Mutator, len: u64, random: &mut Random) -> Nodes<'gc> {
    (0..len).map(|_| (random.below(16) == 0).then(|| node(m, random.draw()))).collect()
}

fn holder<'gc>(m: &'gc Mutator, random: &mut Random) -> Holder<'gc> {
    let lens = [3, 0, 1100, 40];
    let rows = lens.map(|len| nodes(m, len, random).into_iter().collect()).into();
    let cells = [2 * PIECE, 10, PIECE + 1].map(|len| GcCell::new(nodes(m, len, random)));
    let array = Box::new(core::array::from_fn(|nth| (nth % 50 == 0).then(|| node(m, nth as u64))));
    let last = GcCell::new((nodes(m, 700, random), lens.map(|len| nodes(m, len, random)).into()));
    Holder { rows, one: Slot::new(Some(node(m, 1))), cells, array, last }
}

fn check_all<'gc>(m: &'gc Mutator, holder: &Holder<'gc>) {
    holder.rows.iter().flatten().flatten().copied().for_each(check);
    holder.one.get().into_iter().for_each(check);
    holder.cells.iter().for_each(|cell| cell.borrow(m).iter().flatten().copied().for_each(check));
    holder.array.iter().flatten().copied().for_each(check);
    let last = holder.last.borrow(m);
    last.0.iter().chain(last.1.iter().flatten()).flatten().copied().for_each(check);
}

/// The whole slice of objects, or an object of its own, of those that have big cells.
#[derive(Trace, Clone, Copy)]
struct Held<'gc> {
    slice: Gc<'gc, [Holder<'gc>]>,
    object: Gc<'gc, Holder<'gc>>,
}

type Kept = Vec<Root<Gc<'static, Node<'static>>>>;

fn write(m: &Mutator, held: &Root<Held<'static>>, kept: &mut Kept, random: &mut Random) {
    let held = held.get(m);
    let mut pick = || if random.below(3) == 0 { &*held.object } else { &held.slice[random.below(2) as usize] };
    let (from, to) = (pick(), pick());
    let (from, to) = (&from.cells[random.below(3) as usize], &to.cells[random.below(3) as usize]);
    let last = &held.object.last;
    let mut taken = Vec::new();
    match random.below(10) {
        // What was traced in part goes where nothing was traced yet, and the other way.
        0 | 1 => {
            let content = from.take(m);
            let other = to.replace(m, content);
            if from.borrow(m).is_empty() {
                from.set(m, other);
            }
        }
        2 => mem::swap(&mut *from.borrow_mut(m), &mut last.borrow_mut(m).0),
        3 => {
            let mut last = last.borrow_mut(m);
            let row = random.below(last.1.len() as u64) as usize;
            let content = mem::take(&mut last.1[row]);
            last.1.rotate_left(1);
            last.1[0].extend(content);
        }
        // It outgrows a piece when it is logged already, and holds young nodes, so that it stays logged.
        4 | 5 => {
            let many = nodes(m, PIECE / 2, random);
            from.borrow_mut(m).extend(many);
        }
        6 => {
            let mut content = from.borrow_mut(m);
            let half = content.len() / 2;
            content.rotate_left(half);
            taken.extend(content.drain(half..));
        }
        7 => {
            let mut content = from.borrow_mut(m);
            let at = content.len().saturating_sub(random.below(200) as usize);
            taken.extend(content.split_off(at));
        }
        8 => {
            let mut content = from.borrow_mut(m);
            content.make_contiguous().reverse();
            taken.extend(content.pop_back());
        }
        _ => {
            let node = from.borrow(m).iter().rev().flatten().next().copied();
            held.object.one.set(m, node);
        }
    }
    if from.borrow(m).len() as u64 > 4 * PIECE {
        taken.extend(from.borrow_mut(m).drain(..3 * PIECE as usize));
    }
    for node in taken.into_iter().flatten().take(10) {
        check(node);
        kept.push(m.root(node));
    }
    if kept.len() > 300 {
        kept.drain(..200);
    }
}

/// Marks all the time, a piece at a time, while one thread writes the cells and another one ends the cycles, by compaction too.
fn run(profile: &str, seed: u64, compacts: bool) {
    let heap = under(&format!("slow-marker=64,{profile}")).nursery_bytes(256 << 10).build().unwrap();
    let done = AtomicBool::new(false);
    let mut m = heap.attach().unwrap();
    let random = &mut Random::new(seed);
    let held: Root<Held<'static>> = m.root(Held {
        slice: m.alloc_slice_from_iter((0..2).map(|_| holder(&m, random)).collect::<Vec<_>>()),
        object: m.alloc(holder(&m, random)),
    });
    m.collect(Collect::Full);
    let (heap, done, held) = (&heap, &done, &held);
    blocking::scope(&mut m, |scope| {
        let collecting = scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            let mut turn = 0;
            while !done.load(Ordering::Relaxed) {
                turn += 1;
                if compacts && turn % 3 == 0 {
                    m.compact();
                } else {
                    m.collect(Collect::Full);
                }
            }
        });
        let writing = scope.spawn(move || {
            let _end = Ends(done);
            let mut m = heap.attach().unwrap();
            let (begin, mut kept) = (heap.stats().collections.full, Vec::new());
            let mut turn = 0;
            while heap.stats().collections.full < begin + CYCLES {
                write(&m, held, &mut kept, random);
                m.safepoint();
                turn += 1;
                if turn % 16 == 0 {
                    kept.iter().for_each(|node| check(node.get(&m)));
                    let held = held.get(&m);
                    held.slice.iter().chain([&*held.object]).for_each(|holder| check_all(&m, holder));
                }
            }
        });
        [collecting, writing].into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn contents_move_between_cells_that_are_traced_in_part() {
    run("verify", 1, false);
}

#[test]
fn a_compaction_ends_marking_in_the_middle_of_a_cell() {
    run("verify,compact-random", 2, true);
    run("verify,compact-all=5", 3, false);
}

#[test]
fn pieces_are_recorded_where_nothing_stays_where_it_is() {
    run("verify,compact-always", 4, false);
    run("verify,compact-always,compact-places=100", 5, true);
    run("verify,compact-always,workers=2,promote-random", 6, false);
}
