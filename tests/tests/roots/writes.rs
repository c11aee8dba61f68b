//! Everything by which a root can come to hold something young, between collections that look at some of the roots only. The verifier
//! looks at all of them; the values are compared with what was written.

use std::{mem, sync::mpsc, thread};

use gc_core::{Collect, Gc, GcCell, Heap, Mutator, Root, Slot, Trace};
use gc_tests::{heaps::checked, random::Random, sizes::scaled};

/// A value in memory of its own, that is written exclusively only.
#[derive(Trace)]
struct Stack<'gc>(Vec<Gc<'gc, u64>>);

/// A value with fields that are written through shared references.
#[derive(Trace)]
struct Cells<'gc> {
    slot: Slot<'gc, u64>,
    cell: GcCell<Option<Gc<'gc, u64>>>,
    pad: [u64; 2],
}

enum Held {
    Pointer(Root<Gc<'static, u64>>),
    Maybe(Root<Option<Gc<'static, u64>>>),
    Stack(Root<Stack<'static>>),
    Slot(Root<Slot<'static, u64>>),
    Cells(Root<Cells<'static>>),
    /// A root in a root.
    Nested(Root<Root<Gc<'static, u64>>>),
    /// One that could be shared.
    Shared(std::sync::Arc<Root<Cells<'static>>>),
}

fn held(m: &Mutator, kind: u64, n: u64) -> Held {
    let cells = |n| Cells { slot: Slot::new(Some(m.alloc(n))), cell: GcCell::new(Some(m.alloc(n))), pad: [n; 2] };
    match kind % 7 {
        0 => Held::Pointer(m.root(m.alloc(n))),
        1 => Held::Maybe(m.root(Some(m.alloc(n)))),
        2 => Held::Stack(m.root(Stack(vec![m.alloc(n)]))),
        3 => Held::Slot(m.root(Slot::new(Some(m.alloc(n))))),
        4 => Held::Cells(m.root(cells(n))),
        5 => Held::Nested(m.root(m.root(m.alloc(n)))),
        _ => Held::Shared(std::sync::Arc::new(m.root(cells(n)))),
    }
}

fn write(m: &Mutator, held: &mut Held, n: u64, how: u64) {
    let new = m.alloc(n);
    match held {
        Held::Pointer(root) if how.is_multiple_of(2) => root.set(m, new),
        Held::Pointer(root) => drop(mem::replace(root.get_mut(m), new)),
        Held::Maybe(root) => match how % 3 {
            0 => root.set(m, Some(new)),
            1 => *root.get_mut(m) = Some(new),
            _ => {
                root.get_mut(m).take();
                root.get_mut(m).get_or_insert(new);
            }
        },
        Held::Stack(root) => {
            if how.is_multiple_of(2) {
                root.get_mut(m).0.push(new);
            } else {
                root.set(m, Stack(vec![new]));
            }
        }
        Held::Slot(root) => root.borrow(m).set(m, Some(new)),
        Held::Cells(root) => write_cells(m, root.borrow(m), new),
        // The outer root's value is not written, the inner root's is.
        Held::Nested(root) if how.is_multiple_of(2) => root.get_mut(m).set(m, new),
        Held::Nested(root) => root.set(m, m.root(new)),
        Held::Shared(root) => write_cells(m, root.borrow(m), new),
    }
}

fn write_cells<'gc>(m: &'gc Mutator, cells: &Cells<'gc>, new: Gc<'gc, u64>) {
    cells.slot.set(m, Some(new));
    *cells.cell.borrow_mut(m) = Some(new);
}

fn read(m: &Mutator, held: &Held) -> u64 {
    match held {
        Held::Pointer(root) => *root.get(m),
        Held::Maybe(root) => *root.get(m).unwrap(),
        Held::Stack(root) => **root.borrow(m).0.last().unwrap(),
        Held::Slot(root) => *root.borrow(m).get().unwrap(),
        Held::Cells(root) => read_cells(m, root.borrow(m)),
        Held::Nested(root) => *root.borrow(m).get(m),
        Held::Shared(root) => read_cells(m, root.borrow(m)),
    }
}

fn read_cells<'gc>(m: &'gc Mutator, cells: &Cells<'gc>) -> u64 {
    assert_eq!(cells.slot.get().as_deref(), cells.cell.get(m).as_deref());
    *cells.slot.get().unwrap()
}

/// Writes at random, drops, exchanges and makes roots, and collects.
fn run(m: &mut Mutator, held: &mut Vec<(u64, Held)>, random: &mut Random, rounds: u64) {
    for _ in 0..rounds {
        for _ in 0..random.below(30) {
            let n = random.draw();
            match random.below(10) {
                0..=1 => held.push((n, self::held(m, random.draw(), n))),
                2 if held.len() > 20 => drop(held.swap_remove(random.below(held.len() as u64) as usize)),
                3 if held.len() > 2 => {
                    let (at, other) = (random.below(held.len() as u64 - 1) as usize, held.len() - 1);
                    if let Ok([(a, Held::Pointer(one)), (b, Held::Pointer(two))]) = held.get_disjoint_mut([at, other]) {
                        mem::swap(one.get_mut(m), two.get_mut(m));
                        mem::swap(a, b);
                    }
                }
                4 => mem::forget(self::held(m, 0, n)),
                _ if !held.is_empty() => {
                    let at = random.below(held.len() as u64) as usize;
                    held[at].0 = n;
                    write(m, &mut held[at].1, n, random.draw());
                }
                _ => {}
            }
        }
        match random.below(12) {
            0 => drop(m.collect(Collect::Full)),
            1 => drop(m.collect(Collect::Promote)),
            2 => drop(m.compact()),
            _ => drop(m.collect(Collect::Young)),
        }
        assert!(held.iter().all(|(n, held)| read(m, held) == *n), "a root does not hold what was written");
    }
}

#[test]
fn a_root_holds_what_was_written_whichever_way() {
    for seed in 0..scaled(20) {
        let heap = checked().auto(false).build().unwrap();
        let mut m = heap.attach().unwrap();
        run(&mut m, &mut Vec::new(), &mut Random::new(seed), 60);
    }
}

/// The roots go from thread to thread: each has a mutator, which adopts what another has left, writes to roots that it does not own, and
/// drops them.
#[test]
fn roots_are_written_by_mutators_that_did_not_make_them() {
    let heap = &checked().auto(false).build().unwrap();
    thread::scope(|scope| {
        let (first, mut receive) = mpsc::channel::<Vec<(u64, Held)>>();
        const THREADS: u64 = 3;
        for thread in 0..THREADS {
            let (send, next) = mpsc::channel();
            let from = mem::replace(&mut receive, next);
            scope.spawn(move || {
                let mut random = Random::new(thread);
                for mut held in from {
                    // A mutator of its own for each turn: it leaves its chunks.
                    let mut m = heap.attach().unwrap();
                    run(&mut m, &mut held, &mut random, 3);
                    drop(m);
                    send.send(held).unwrap();
                }
            });
        }
        for _ in 0..3 {
            first.send(Vec::new()).unwrap();
        }
        for _ in 0..scaled(40) {
            first.send(receive.recv().unwrap()).unwrap();
        }
        drop(first);
        let mut m = heap.attach().unwrap();
        for held in m.blocked(|| receive.into_iter().collect::<Vec<_>>()) {
            assert!(held.iter().all(|(n, held)| read(&m, held) == *n));
            drop(held);
            m.collect(Collect::Young);
        }
    });
}

/// Many at the same time write to roots that lie side by side, and collect.
#[test]
fn mutators_write_to_neighbours_at_the_same_time() {
    let heap: &Heap = &checked().build().unwrap();
    let m = heap.attach().unwrap();
    let roots: Vec<Root<Gc<u64>>> = (0..400_u64).map(|n| m.root(m.alloc(n))).collect();
    drop(m);
    let mut parts: Vec<Vec<_>> = (0..4).map(|_| Vec::new()).collect();
    for (n, root) in roots.into_iter().enumerate() {
        parts[n % 4].push((n as u64, root));
    }
    thread::scope(|scope| {
        for (thread, mut part) in parts.into_iter().enumerate() {
            scope.spawn(move || {
                let mut random = Random::new(thread as u64);
                let mut m = heap.attach().unwrap();
                for round in 0..scaled(150) {
                    for _ in 0..10 {
                        let (n, root) = &mut part[random.below(100) as usize];
                        *n = random.draw();
                        root.set(&m, m.alloc(*n));
                    }
                    if round % 8 == thread as u64 {
                        m.collect(Collect::Young);
                    }
                    m.safepoint();
                    assert!(part.iter().all(|(n, root)| *root.get(&m) == *n));
                }
            });
        }
    });
}
