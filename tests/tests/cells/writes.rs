//! Cells and slots: conflicts are panics that name the type, and every way of writing is a barriered one.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use gc_core::{Collect, Gc, GcCell, Heap, Mutator, Slot, Trace};
use gc_tests::heaps::checked;

fn heap() -> Heap {
    checked().build().unwrap()
}

#[derive(Trace, Clone, Copy, PartialEq, Debug)]
#[trace(leaf)]
struct Distinctive(u8);

#[track_caller]
fn conflicts(access: impl FnOnce(), found: &str) {
    let payload = catch_unwind(AssertUnwindSafe(access)).expect_err("this conflicts");
    let message = payload.downcast_ref::<String>().expect("a message");
    assert!(message.contains("Distinctive") && message.contains(found), "{message}");
}

#[test]
fn a_conflict_panics_and_names_the_type_and_the_guard() {
    let heap = heap();
    let m = heap.attach().unwrap();
    let cell = m.alloc(GcCell::new(Distinctive(1)));
    {
        let _guard = cell.borrow_mut(&m);
        conflicts(|| _ = cell.get(&m), "write guard");
        conflicts(|| _ = cell.borrow(&m), "write guard");
        conflicts(|| _ = cell.borrow_mut(&m), "write guard");
        conflicts(|| cell.set(&m, Distinctive(2)), "write guard");
        conflicts(|| _ = cell.replace(&m, Distinctive(2)), "write guard");
    }
    {
        let (_one, _two) = (cell.borrow(&m), cell.borrow(&m));
        assert_eq!(cell.get(&m), Distinctive(1));
        conflicts(|| _ = cell.borrow_mut(&m), "read guards");
        conflicts(|| cell.set(&m, Distinctive(2)), "read guards");
    }
    cell.set(&m, Distinctive(3));
    assert_eq!(*cell.borrow_mut(&m), Distinctive(3));
}

type Pair<'gc> = (Gc<'gc, u64>, Option<Box<Gc<'gc, u64>>>);

#[derive(Trace)]
struct Cells<'gc> {
    slot: Slot<'gc, u64>,
    text: Slot<'gc, str>,
    choice: GcCell<Option<Gc<'gc, u64>>>,
    many: GcCell<Vec<Gc<'gc, u64>>>,
    nested: [GcCell<Pair<'gc>>; 2],
}

fn cells<'gc>(m: &'gc Mutator) -> Gc<'gc, Cells<'gc>> {
    let zero = m.alloc(0_u64);
    m.alloc(Cells {
        slot: Slot::null(),
        text: Slot::null(),
        choice: GcCell::default(),
        many: GcCell::default(),
        nested: [(); 2].map(|()| GcCell::new((zero, None))),
    })
}

type Write = for<'gc> fn(&'gc Mutator, &'gc Cells<'gc>, Gc<'gc, u64>);
type Read = for<'gc> fn(&'gc Mutator, &'gc Cells<'gc>) -> Option<Gc<'gc, u64>>;

/// Every way of writing a pointer, and how to read it back.
const WAYS: &[(&str, Write, Read)] = &[
    ("set", |m, o, v| o.slot.set(m, Some(v)), |_, o| o.slot.get()),
    ("swap", |m, o, v| _ = o.slot.swap(m, Some(v)), |_, o| o.slot.get()),
    ("exchange", |m, o, v| assert!(o.slot.compare_exchange(m, o.slot.get(), Some(v)).is_ok()), |_, o| o.slot.get()),
    ("cell set", |m, o, v| o.choice.set(m, Some(v)), |m, o| o.choice.get(m)),
    ("replace", |m, o, v| _ = o.choice.replace(m, Some(v)), |m, o| o.choice.get(m)),
    ("guard", |m, o, v| *o.choice.borrow_mut(m) = Some(v), |m, o| *o.choice.borrow(m)),
    ("push", |m, o, v| o.many.borrow_mut(m).push(v), |m, o| o.many.borrow(m).last().copied()),
    ("vector", |m, o, v| o.many.set(m, vec![v; 3]), |m, o| o.many.borrow(m).get(1).copied()),
    ("element", |m, o, v| o.nested[1].borrow_mut(m).0 = v, |m, o| Some(o.nested[1].borrow(m).0)),
    (
        "box",
        |m, o, v| o.nested[0].borrow_mut(m).1 = Some(Box::new(v)),
        |m, o| o.nested[0].borrow(m).1.as_deref().copied(),
    ),
    (
        "swapped guards",
        |m, o, v| {
            o.nested[0].borrow_mut(m).0 = v;
            mem::swap(&mut *o.nested[0].borrow_mut(m), &mut *o.nested[1].borrow_mut(m));
        },
        |m, o| Some(o.nested[1].borrow(m).0),
    ),
];

#[test]
fn every_way_of_writing_a_young_value_into_an_old_object_is_remembered() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    for (name, write, read) in WAYS {
        for keep in [Collect::Young, Collect::Promote, Collect::Full] {
            let root = m.root(cells(&m));
            m.collect(Collect::Full);
            for round in 0..4 {
                write(&m, Gc::as_ref(root.get(&m)), m.alloc(round));
                m.collect(keep);
                assert_eq!(read(&m, Gc::as_ref(root.get(&m))).as_deref(), Some(&round), "{name}, {keep:?}");
            }
        }
    }
}

#[test]
fn what_is_overwritten_dies() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let root = m.root(cells(&m));
    for (name, write, _) in WAYS {
        for round in 0..10 {
            write(&m, Gc::as_ref(root.get(&m)), m.alloc(round));
            m.collect(Collect::Promote);
        }
        root.get(&m).many.take(&m);
        m.collect(Collect::Full);
        assert!(heap.stats().old_objects < 10, "{name} keeps {} objects", heap.stats().old_objects);
    }
}

#[test]
fn an_exchange_by_identity_sees_through_moves() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let root = m.root(cells(&m));
    let value = m.root(m.alloc(5_u64));
    root.get(&m).slot.set(&m, Some(value.get(&m)));
    let twin = m.root(m.alloc(5_u64));
    for generation in [Collect::Young, Collect::Young, Collect::Full] {
        m.collect(generation);
        let slot = &root.get(&m).slot;
        let found = slot.compare_exchange(&m, Some(twin.get(&m)), None).unwrap_err();
        assert!(Gc::ptr_eq(found.unwrap(), value.get(&m)));
        assert!(slot.compare_exchange(&m, Some(value.get(&m)), Some(value.get(&m))).is_ok());
    }
}

#[test]
fn null_is_a_value_like_any() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let root = m.root(cells(&m));
    m.collect(Collect::Full);
    let object = root.get(&m);
    assert!(object.slot.take(&m).is_none() && object.text.get().is_none());
    object.text.set(&m, Some(m.alloc_str("")));
    object.text.set(&m, None);
    m.collect(Collect::Young);
    assert_eq!(heap.stats().remembered, 0);
    let object = root.get(&m);
    object.text.set(&m, Some(m.alloc_str("one word")));
    assert!(object.text.compare_exchange(&m, None, None).is_err());
    m.collect(Collect::Young);
    assert_eq!(root.get(&m).text.get().as_deref(), Some("one word"));
}

#[test]
fn a_cell_in_a_root_is_a_cell() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let mut state = m.root((GcCell::new(vec![m.alloc(0_u64)]), Slot::<u64>::null()));
    for round in 1..6 {
        let (cell, slot) = state.borrow(&m);
        cell.borrow_mut(&m).push(m.alloc(round));
        slot.set(&m, Some(m.alloc(round)));
        m.collect([Collect::Young, Collect::Full][round as usize % 2]);
        // Moved about as a value, as anybody may who owns it.
        let (cell, slot) = state.get_mut(&m);
        let inner = mem::take(cell).into_inner();
        *cell = GcCell::new(inner);
        assert_eq!(slot.get().as_deref(), Some(&round));
        *slot = Slot::new(slot.get());
    }
    assert!(state.borrow(&m).0.borrow(&m).iter().map(|n| **n).eq(0..6));
}
