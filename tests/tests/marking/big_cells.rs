//! Cells whose content is traced in pieces, with the lock of the cell given back in between: whatever the program does to the content
//! then, nothing is lost that the cell held when marking began.

use std::{
    collections::{LinkedList, VecDeque},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
};

use gc_core::{Collect, Gc, GcCell, Leaf, Mutator, Root, Slot, Trace, blocking, collections::HashMap};
use gc_tests::{heaps::under, random::Random};

/// Elements that are traced at once, as the collector has it.
const PIECE: usize = 1024;

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

type Nodes<'gc> = Vec<Gc<'gc, Node<'gc>>>;

/// A destructor that panics if it was told to.
struct Fuse(bool);

impl Drop for Fuse {
    fn drop(&mut self) {
        assert!(!self.0, "a destructor panics");
    }
}

/// What may be in a cell: in one container, in several side by side, in containers in containers, beside maps and lists.
#[derive(Trace)]
enum Content<'gc> {
    Vec(Nodes<'gc>),
    Ring(VecDeque<Option<Gc<'gc, Node<'gc>>>>),
    Rows(Vec<Box<[Gc<'gc, Node<'gc>>]>>),
    Fused(Vec<(Gc<'gc, Node<'gc>>, Leaf<Fuse>)>),
    Parts {
        some: Nodes<'gc>,
        map: HashMap<u64, Gc<'gc, Node<'gc>>>,
        one: Gc<'gc, Node<'gc>>,
        list: LinkedList<Gc<'gc, Node<'gc>>>,
        others: Box<[(u64, Gc<'gc, Node<'gc>>)]>,
    },
}

impl<'gc> Content<'gc> {
    fn new(shape: u64, mut nodes: Nodes<'gc>) -> Self {
        match shape % SHAPES {
            0 => Self::Vec(nodes),
            1 => Self::Ring(nodes.into_iter().map(Some).collect()),
            2 => {
                let mut rows = Vec::new();
                while !nodes.is_empty() {
                    // Rows of all lengths, some of more than a piece.
                    let len = [1, 0, 40, 3000, 7][rows.len() % 5].min(nodes.len());
                    rows.push(nodes.split_off(nodes.len() - len).into());
                }
                Self::Rows(rows)
            }
            3 => Self::Fused(nodes.into_iter().map(|node| (node, Leaf(Fuse(false)))).collect()),
            _ => {
                let one = nodes.pop().expect("at least one node");
                let list = nodes.split_off(nodes.len() - nodes.len() / 8).into_iter().collect();
                let others = nodes.split_off(nodes.len() / 2).into_iter().map(|node| (node.number, node)).collect();
                let map = nodes.iter().take(50).map(|&node| (node.number, node)).collect();
                Self::Parts { some: nodes, map, one, list, others }
            }
        }
    }

    fn nodes(&self) -> Nodes<'gc> {
        match self {
            Self::Vec(nodes) => nodes.clone(),
            Self::Ring(nodes) => nodes.iter().flatten().copied().collect(),
            Self::Rows(rows) => rows.iter().flatten().copied().collect(),
            Self::Fused(nodes) => nodes.iter().map(|(node, _)| *node).collect(),
            Self::Parts { some, map, one, list, others } => {
                let others = others.iter().map(|&(_, node)| node);
                some.iter().chain(map.values()).chain(list).chain([one]).copied().chain(others).collect()
            }
        }
    }

    /// Takes some of the nodes out, most often the last ones.
    fn take(&mut self, way: u64) -> Nodes<'gc> {
        let count = (way >> 8) as usize % 100;
        match self {
            Self::Vec(nodes) => match way % 6 {
                0 => vec![nodes.swap_remove(way as usize % nodes.len())],
                1 => nodes.drain(..count).collect(),
                2 => mem::take(nodes),
                _ => nodes.split_off(nodes.len() - count),
            },
            Self::Ring(nodes) => match way % 4 {
                0 => nodes.drain(..count).flatten().collect(),
                1 => {
                    nodes.rotate_left(count);
                    nodes.pop_back().into_iter().flatten().collect()
                }
                _ => nodes.split_off(nodes.len() - count).into_iter().flatten().collect(),
            },
            Self::Rows(rows) => {
                let row = rows.len() - 1 - way as usize % rows.len().min(3);
                rows.remove(row).to_vec()
            }
            Self::Fused(nodes) => {
                let from = nodes.len() - 1 - count;
                let taken = nodes[from..].iter().map(|(node, _)| *node).collect();
                nodes[from + count / 2].1 = Leaf(Fuse(true));
                assert!(catch_unwind(AssertUnwindSafe(|| nodes.truncate(from))).is_err());
                taken
            }
            Self::Parts { some, map, one, list, others } => match way % 5 {
                0 => map.drain().map(|(_, node)| node).collect(),
                1 => vec![mem::replace(one, some[0])],
                2 => mem::take(list).into_iter().collect(),
                3 => mem::take(others).into_iter().map(|(_, node)| node).collect(),
                _ => some.split_off(some.len() - count.min(some.len() - 1)),
            },
        }
    }

    /// Rearranges the nodes, and does not always end what it began.
    fn disturb(&mut self, way: u64, new: Gc<'gc, Node<'gc>>) {
        let panics = |run: &mut dyn FnMut()| drop(catch_unwind(AssertUnwindSafe(run)));
        match self {
            Self::Vec(nodes) => match way % 5 {
                0 => nodes.reverse(),
                1 => nodes.sort_unstable_by_key(|node| node.check.wrapping_mul(way | 1)),
                2 => mem::forget(nodes.drain(nodes.len() / 2..)),
                3 => {
                    let mut turns = 0;
                    panics(&mut || nodes.sort_by_key(|node| (turns += 1, assert_ne!(turns, 3000), node.check).2));
                }
                _ => nodes.insert(nodes.len() / 3, new),
            },
            Self::Ring(nodes) => match way % 3 {
                0 => nodes.rotate_right(nodes.len() / 2),
                1 => mem::forget(nodes.drain(nodes.len() / 2..)),
                _ => nodes.make_contiguous().reverse(),
            },
            Self::Rows(rows) => match way % 3 {
                0 => rows.reverse(),
                1 => rows.iter_mut().for_each(|row| row.reverse()),
                _ => rows.push(Box::new([new; 3])),
            },
            Self::Fused(nodes) => match way % 3 {
                0 => nodes.reverse(),
                1 => panics(&mut || {
                    nodes.retain(|(node, _)| (assert_ne!(node.number % 1000, 7), node.number % 9 != 0).1)
                }),
                _ => nodes.insert(0, (new, Leaf(Fuse(false)))),
            },
            Self::Parts { some, others, map, .. } => match way % 3 {
                0 => some.extend(others.iter().map(|&(_, node)| node).take(20)),
                1 => some.reverse(),
                _ => _ = map.insert(new.number, new),
            },
        }
    }
}

#[derive(Trace)]
struct Holder<'gc> {
    before: GcCell<Nodes<'gc>>,
    cell: GcCell<Content<'gc>>,
    after: GcCell<Option<Gc<'gc, Node<'gc>>>>,
}

const SHAPES: u64 = 5;

/// Major cycles of a test: a slow marker takes some hundred turns for each.
const CYCLES: u64 = 3;

type Held = Root<Gc<'static, Holder<'static>>>;

fn content<'gc>(m: &'gc Mutator, shape: u64, random: &mut Random) -> Content<'gc> {
    let len = 2 * PIECE + random.below(PIECE as u64) as usize;
    Content::new(shape, (0..len).map(|_| node(m, random.draw())).collect())
}

type Kept = Vec<Root<Gc<'static, Node<'static>>>>;

/// Writes a cell as a program may between two pieces. Keeps what it took out where marking has no reason to look again.
fn write(m: &mut Mutator, held: &Held, shape: u64, kept: &mut Kept, random: &mut Random, forgets: bool) {
    write_and_keep(m, held, shape, kept, random, forgets);
    if forgets {
        // The next access would find the guard until then.
        m.collect(Collect::Young);
    }
    m.safepoint();
}

fn write_and_keep(m: &Mutator, held: &Held, shape: u64, kept: &mut Kept, random: &mut Random, forgets: bool) {
    let holder = held.get(m);
    let way = random.draw();
    let fresh = (random.below(8) == 0).then(|| content(m, shape + random.below(8) / 7, random));
    let mut guard = holder.cell.borrow_mut(m);
    let taken = match fresh {
        Some(fresh) => mem::replace(&mut *guard, fresh).nodes(),
        None if guard.nodes().len() < PIECE => mem::replace(&mut *guard, content(m, shape, random)).nodes(),
        None if random.below(3) == 0 => {
            guard.disturb(way, node(m, way));
            Vec::new()
        }
        None => guard.take(way),
    };
    if forgets {
        mem::forget(guard)
    } else {
        drop(guard)
    }
    for node in taken.iter().rev().take(20) {
        check(*node);
        kept.push(m.root(*node));
    }
    if let Some(&last) = taken.last() {
        holder.before.borrow_mut(m).push(last);
        holder.after.set(m, Some(last));
    }
    if kept.len() > 300 {
        kept.drain(..200);
        holder.before.take(m);
    }
}

/// Marks all the time, a piece at a time, while a thread writes the cell, and another one reads it or guards are forgotten.
fn run(profile: &str, shape: u64, read: bool) {
    let heap = under(&format!("slow-marker=64,{profile}")).nursery_bytes(256 << 10).build().unwrap();
    let done = AtomicBool::new(false);
    let mut m = heap.attach().unwrap();
    let random = &mut Random::new(shape);
    let cell = GcCell::new(content(&m, shape, random));
    let held: Held = m.root(m.alloc(Holder { before: GcCell::default(), cell, after: GcCell::default() }));
    m.collect(Collect::Full);
    let (heap, done, held) = (&heap, &done, &held);
    blocking::scope(&mut m, |scope| {
        scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            while !done.load(Ordering::Relaxed) {
                m.collect(Collect::Full);
            }
        });
        scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            while read && !done.load(Ordering::Relaxed) {
                held.get(&m).cell.borrow(&m).nodes().into_iter().for_each(check);
                m.safepoint();
            }
        });
        scope.spawn(move || {
            let _end = Ends(done);
            let mut m = heap.attach().unwrap();
            let (begin, mut kept) = (heap.stats().collections.full, Vec::new());
            while heap.stats().collections.full < begin + CYCLES {
                // Only this thread waits for a guard that was forgotten.
                let forgets = !read && random.below(8) == 0;
                write(&mut m, held, shape, &mut kept, random, forgets);
                kept.iter().for_each(|node| check(node.get(&m)));
            }
        });
    });
    println!("{profile}: {:?} to a safepoint at most", heap.times_to_safepoint().max());
}

/// Ends the other threads, also if this one panics.
pub(super) struct Ends<'a>(pub(super) &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_vector_is_whole_whatever_is_done_between_pieces() {
    run("verify", 0, true);
}

#[test]
fn a_vector_is_whole_though_guards_are_forgotten_between_pieces() {
    run("verify", 0, false);
}

#[test]
fn a_ring_is_whole_whatever_is_done_between_pieces() {
    run("promote-random", 1, true);
}

#[test]
fn rows_are_whole_whatever_is_done_between_pieces() {
    run("workers=2", 2, false);
}

#[test]
fn containers_side_by_side_are_whole_whatever_is_done_between_pieces() {
    run("verify", 4, true);
}

#[test]
fn a_vector_is_whole_though_destructors_panic_between_pieces() {
    run("", 3, false);
}

#[test]
fn shapes_are_whole_while_sparse_blocks_are_emptied() {
    for shape in [0, 2, 4] {
        run("verify,compact-always", shape, false);
    }
}

/// No cell of a piece may be visited twice in a pause: what it points into is left where it is.
#[test]
fn rows_are_whole_where_they_are_not_recorded() {
    run("verify,compact-always,compact-places=20", 2, false);
}
