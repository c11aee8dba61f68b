//! Cells change over between the ways they are locked as mutators come and go, with guards of both kinds forgotten on each side
//! of the change, in old and in young objects and in roots.

use std::{mem, sync::Arc, thread};

use gc_core::{Collect, Gc, GcCell, Heap, Mutator, Root, blocking};
use gc_tests::heaps::checked;

type Content<'gc> = Vec<Gc<'gc, u64>>;
type CellRoot = Root<Gc<'static, GcCell<Content<'static>>>>;

fn heap() -> Heap {
    checked().chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap()
}

/// Forgets guards as `how` says: none, a reader, three readers, a writer.
fn forget<'gc>(m: &'gc Mutator, cell: Gc<'gc, GcCell<Content<'gc>>>, how: u64) {
    match how % 4 {
        0 => {}
        1 => mem::forget(cell.borrow(m)),
        2 => (0..3).for_each(|_| mem::forget(cell.borrow(m))),
        _ => {
            let mut guard = cell.borrow_mut(m);
            guard.push(m.alloc(how));
            guard.pop();
            mem::forget(guard);
        }
    }
}

fn push(m: &Mutator, root: &CellRoot, value: u64) {
    let cell = root.get(m);
    cell.borrow_mut(m).push(m.alloc(value));
    assert_eq!(**cell.borrow(m).last().unwrap(), value);
}

#[test]
fn guards_that_are_forgotten_end_with_the_change() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let cell: Arc<CellRoot> = Arc::new(m.root(m.alloc(GcCell::new(Content::new()))));
    let mut pushed = 0;
    let mut next = || {
        pushed += 1;
        pushed - 1
    };
    for round in 0..64_u64 {
        if round == 20 {
            m.collect(Collect::Full);
        }
        // Exclusive or shared before, by what the last round left; the second mutator's attachment is a stop in between if
        // there was one mutator.
        push(&m, &cell, next());
        forget(&m, cell.get(&m), round);
        let (there, root) = (heap.clone(), cell.clone());
        let (one, two) = (next(), next());
        let other = thread::spawn(move || {
            let m = there.attach().unwrap();
            push(&m, &root, one);
            push(&m, &root, two);
            forget(&m, root.get(&m), round / 4);
        });
        blocking::join(&mut m, other).unwrap();
        // The other has gone and its guard is forgotten, in shared mode and without a stop: the next collection ends it.
        if round / 4 % 4 != 0 {
            m.collect(if round % 5 == 0 { Collect::Full } else { Collect::Young });
        } else if round % 3 == 0 {
            m.collect(Collect::Young);
        }
        push(&m, &cell, next());
        forget(&m, cell.get(&m), round / 16);
        m.collect(Collect::Young);
        push(&m, &cell, next());
        let object = cell.get(&m);
        assert!(object.borrow(&m).iter().enumerate().all(|(n, &value)| *value == n as u64));
    }
}

#[test]
fn one_mutator_after_another_forgets_its_guard_and_goes() {
    let heap = heap();
    let cell: Arc<CellRoot> = {
        let m = heap.attach().unwrap();
        Arc::new(m.root(m.alloc(GcCell::new(Content::new()))))
    };
    for round in 0..100_u64 {
        let (there, root) = (heap.clone(), cell.clone());
        let forgets = move || {
            let m = there.attach().unwrap();
            push(&m, &root, round);
            forget(&m, root.get(&m), round);
        };
        if round % 2 == 0 { thread::spawn(forgets).join().unwrap() } else { forgets() }
    }
}

#[test]
fn cells_outside_of_the_heap_are_used_under_one_heap_after_another() {
    let (one, other) = (heap(), heap());
    let cell = GcCell::new(0_u64);
    for round in 0..200 {
        let heap = if round % 2 == 0 { &one } else { &other };
        let mut m = heap.attach().unwrap();
        // So that the two heaps' counts of stops never meet.
        for _ in 0..round % 7 {
            m.collect(Collect::Young);
        }
        *cell.borrow_mut(&m) += 1;
        cell.set(&m, cell.get(&m) + 1);
        let (a, b) = (cell.borrow(&m), cell.borrow(&m));
        assert_eq!((*a, *b), (2 * (round + 1), 2 * (round + 1)));
    }
}
