//! Guards of a part of a cell's content, and guards that are asked for.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
};

use gc_core::{Collect, Gc, GcCell, GcCellMut, GcCellRef, Trace};
use gc_tests::{
    heaps::{checked, under},
    sizes::scaled,
};

#[derive(Trace)]
struct Pair<'gc> {
    names: Vec<Gc<'gc, str>>,
    count: u64,
}

/// The lock ends with the guard of the part, and not before, also where the closure panics.
#[test]
fn a_guard_of_a_part_is_the_guard() {
    for mutators in 1..=2 {
        let heap = checked().build().unwrap();
        let m = heap.attach().unwrap();
        let hold = mpsc::channel::<()>();
        let there = heap.clone();
        let (ready, wait) = mpsc::channel();
        let other = thread::spawn(move || {
            let other = (mutators == 2).then(|| there.attach().unwrap());
            let parked = other.map(|other| other.park());
            ready.send(()).unwrap();
            let _ = hold.1.recv();
            drop(parked);
        });
        let mut m = m;
        m.blocked(|| wait.recv().unwrap());
        let cell = m.alloc(GcCell::new(Pair { names: Vec::new(), count: 7 }));
        let mut count = GcCellMut::map(cell.borrow_mut(&m), |pair| &mut pair.count);
        *count += 1;
        assert!(cell.try_borrow(&m).is_err() && cell.try_borrow_mut(&m).is_err());
        drop(count);
        let first = GcCellRef::map(cell.borrow(&m), |pair| &pair.count);
        let again = GcCellRef::map(cell.try_borrow(&m).unwrap(), |pair| pair.names.as_slice());
        assert_eq!((*first, again.len()), (8, 0));
        drop(first);
        assert!(cell.try_borrow_mut(&m).is_err(), "the other part is lent");
        drop(again);
        cell.try_borrow_mut(&m).unwrap().names.push(m.alloc_str("Ada"));
        let panics = AssertUnwindSafe(|| _ = GcCellMut::map(cell.borrow_mut(&m), |_| -> &mut u64 { panic!("a part") }));
        assert!(catch_unwind(panics).is_err());
        assert_eq!(cell.try_borrow_mut(&m).unwrap().names.len(), 1);
        drop(hold.0);
        other.join().unwrap();
    }
}

/// What is stored through the guard of a part is traced.
#[test]
fn what_is_written_to_a_part_stays() {
    let heap = under("verify,every-safepoint=3,full-every=4,promote-always").build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(GcCell::new(Pair { names: Vec::new(), count: 0 })));
    for n in 0..100 {
        let cell = root.get(&m);
        let mut names = GcCellMut::map(cell.borrow_mut(&m), |pair| &mut pair.names);
        names.push(m.alloc_fmt(format_args!("name {n}")));
        if n % 7 == 0 {
            // Until the next collection.
            mem::forget(names);
            m.collect(Collect::Young);
        } else {
            drop(names);
            m.safepoint();
        }
        let names = GcCellRef::map(root.get(&m).borrow(&m), |pair| &pair.names);
        assert_eq!(**names.last().unwrap(), format!("name {n}"));
        drop(names);
        m.safepoint();
    }
    assert_eq!(root.get(&m).borrow(&m).names.len(), 100);
}

/// The part may be another object, which lives as long as the guard.
#[test]
fn a_part_may_be_an_object_that_the_content_leads_to() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cell = m.root(m.alloc(GcCell::new(vec![m.alloc_str("Ada")])));
    m.collect(Collect::Full);
    let name = GcCellRef::map(cell.get(&m).borrow(&m), |names| &*names[0]);
    assert_eq!(&*name, "Ada");
}

/// The thread that marks reads cells. It is no reason for an error.
#[test]
fn marking_is_in_nobodys_way() {
    let heap = under("slow-marker=8,full-every=1").auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let content: Vec<_> = (0..20_000).map(|n| m.alloc(n)).collect();
    let cell = m.root(m.alloc(GcCell::new(content)));
    m.collect(Collect::Full);
    let mut refused = 0;
    for _ in 0..scaled(20) {
        // It begins to mark.
        m.collect(Collect::Young);
        for _ in 0..2_000 {
            m.safepoint();
            let here = cell.get(&m);
            refused += u64::from(here.try_borrow(&m).is_err());
            match here.try_borrow_mut(&m) {
                Ok(mut content) => content.swap(0, 1),
                Err(_) => refused += 1,
            }
        }
    }
    assert_eq!(refused, 0);
}

#[test]
fn the_error_says_what_is_in_the_way() {
    let heap = checked().build().unwrap();
    let m = heap.attach().unwrap();
    let cell = m.alloc(GcCell::new(7_u64));
    let guard = cell.borrow_mut(&m);
    let [read, write] =
        [cell.try_borrow(&m).err(), cell.try_borrow_mut(&m).err()].map(|error| error.unwrap().to_string());
    assert_eq!(read, "GcCell<u64>: expected to read it, but a write guard of this thread is alive: end it first");
    assert_eq!(write, "GcCell<u64>: expected to write it, but a write guard of this thread is alive: end it first");
    drop(guard);
    let guard = cell.borrow(&m);
    assert!(cell.try_borrow(&m).is_ok());
    let error = cell.try_borrow_mut(&m).err().unwrap().to_string();
    assert!(error.contains("read guards are alive"), "{error}");
    drop(guard);
}
