//! Deep, wide and cyclic structures take memory, never the stack, and never too much of the remembered set.

use gc_core::{Collect, Gc, GcCell, Mutator, Slot, Trace};
use gc_tests::{
    heaps::{calm, checked},
    ledger::{Ledger, Token},
    sizes::scaled,
};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Slot<'gc, Node<'gc>>,
}

#[derive(Trace)]
struct Fixed<'gc> {
    value: u64,
    next: Option<Gc<'gc, Fixed<'gc>>>,
}

/// On a stack that a recursion over the structure would overflow.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_list_of_ten_million_nodes_is_copied_marked_and_freed() {
    on_a_small_stack(|| {
        let length = scaled(10_000_000);
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        let mut head = m.root(m.alloc(Node { value: 0, next: Slot::null() }));
        for value in 1..length {
            let next = Slot::new(Some(head.get(&m)));
            head.set(&m, m.alloc(Node { value, next }));
            m.safepoint();
        }
        m.collect(Collect::Full);
        let mut at = Some(head.get(&m));
        let mut expected = length;
        while let Some(node) = at {
            expected -= 1;
            assert_eq!(node.value, expected);
            at = node.next.get();
        }
        assert_eq!((expected, heap.stats().old_objects as u64), (0, length));
        drop(head);
        m.collect(Collect::Full);
        assert_eq!(heap.stats().old_objects, 0);
    });
}

#[test]
fn a_list_that_is_young_all_at_once_is_copied_in_one_pause() {
    on_a_small_stack(|| {
        let heap = calm().auto(false).build().unwrap();
        let mut m = heap.attach().unwrap();
        let (mut slots, mut fixed) =
            (m.alloc(Node { value: 0, next: Slot::null() }), m.alloc(Fixed { value: 0, next: None }));
        for value in 1..1_000_000 {
            slots = m.alloc(Node { value, next: Slot::new(Some(slots)) });
            fixed = m.alloc(Fixed { value, next: Some(fixed) });
        }
        let roots = (m.root(slots), m.root(fixed));
        for generation in [Collect::Young, Collect::Young, Collect::Full] {
            m.collect(generation);
        }
        let (mut slots, mut fixed) = (roots.0.get(&m), roots.1.get(&m));
        for value in (0..1_000_000).rev() {
            assert_eq!((slots.value, fixed.value), (value, value));
            if value > 0 {
                (slots, fixed) = (slots.next.get().unwrap(), fixed.next.unwrap());
            }
        }
    });
}

#[test]
fn a_list_whose_nodes_have_destructors_dies_without_recursion() {
    #[derive(Trace)]
    struct Owned<'gc> {
        token: Token,
        next: Slot<'gc, Owned<'gc>>,
    }
    on_a_small_stack(|| {
        let heap = calm().build().unwrap();
        let ledger = Ledger::default();
        let mut m = heap.attach().unwrap();
        let mut head = m.root(m.alloc(Owned { token: ledger.token(), next: Slot::null() }));
        for _ in 0..300_000 {
            let next = Slot::new(Some(head.get(&m)));
            head.set(&m, m.alloc(Owned { token: ledger.token(), next }));
            m.safepoint();
        }
        assert_eq!(head.get(&m).token.number(), 300_000);
        drop(head);
        drop((m, heap));
        ledger.assert_all_once();
    });
}

#[test]
fn a_wide_array_of_slots_is_followed_in_pieces() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let len = 50_000;
    let root = m.root(m.alloc_slice_with(len, |_| Node { value: 0, next: Slot::null() }));
    for round in 0..6 {
        let nodes = root.get(&m);
        for index in (round..len).step_by(7) {
            nodes[index].next.set(&m, Some(m.alloc(Node { value: index as u64, next: Slot::null() })));
        }
        m.collect([Collect::Young, Collect::Young, Collect::Full][round % 3]);
    }
    let nodes = root.get(&m);
    for index in 0..len {
        let expected = (index % 7 < 6).then_some(index as u64);
        assert_eq!(nodes[index].next.get().map(|node| node.value), expected);
    }
}

#[test]
fn cycles_of_every_kind_die_together() {
    #[derive(Trace)]
    struct Ring<'gc> {
        token: Token,
        slot: Slot<'gc, Ring<'gc>>,
        cell: GcCell<Vec<Gc<'gc, Ring<'gc>>>>,
        choice: GcCell<Option<Gc<'gc, Ring<'gc>>>>,
    }
    let heap = checked().build().unwrap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let ring = |m: &Mutator| {
        let token = ledger.token();
        m.root(m.alloc(Ring { token, slot: Slot::null(), cell: GcCell::default(), choice: GcCell::default() }))
    };
    // Across generations: each new ring points to older ones and they to it.
    let rings: Vec<_> = (0..40)
        .map(|index| {
            let ring = ring(&m);
            m.collect([Collect::Young, Collect::Promote, Collect::Full][index % 3]);
            ring
        })
        .collect();
    for (index, ring) in rings.iter().enumerate() {
        let [next, far] = [1, 7].map(|step| rings[(index + step) % rings.len()].get(&m));
        let ring = ring.get(&m);
        ring.slot.set(&m, Some(next));
        ring.cell.borrow_mut(&m).extend([ring, next, far]);
        ring.choice.set(&m, Some(far));
    }
    m.collect(Collect::Full);
    assert_eq!(ledger.dropped(), 0);
    drop(rings);
    m.collect(Collect::Full);
    gc_tests::heaps::settle(&heap);
    ledger.assert_all_once();
}

#[test]
fn a_remembered_set_that_overflows_forgets_nothing() {
    for entries in [1, 2, 3, 8, 100] {
        let heap = checked().remembered_entries(entries).build().unwrap();
        let mut m = heap.attach().unwrap();
        let len = 500;
        let slots = m.root(m.alloc_slice_with(len, |_| Node { value: 0, next: Slot::null() }));
        let cells = m.root(m.alloc_slice_with(len, |_| GcCell::<Vec<Gc<u64>>>::default()));
        m.collect(Collect::Full);
        for round in 0..3 {
            for index in 0..len {
                let node = m.alloc(Node { value: index as u64, next: Slot::null() });
                // Again and again, null between, so that it is remembered again and again.
                for _ in 0..4 {
                    slots.get(&m)[index].next.set(&m, Some(node));
                    slots.get(&m)[index].next.set(&m, None);
                }
                slots.get(&m)[index].next.set(&m, Some(node));
                cells.get(&m)[index].borrow_mut(&m).push(m.alloc(round));
            }
            m.safepoint();
            m.collect(Collect::Young);
        }
        for index in 0..len {
            assert_eq!(slots.get(&m)[index].next.get().map(|node| node.value), Some(index as u64));
            assert!(cells.get(&m)[index].borrow(&m).iter().map(|round| **round).eq(0..3));
        }
    }
}

#[test]
fn printing_a_cycle_ends() {
    #[derive(Trace, Debug)]
    struct Ring<'gc> {
        slot: Slot<'gc, Ring<'gc>>,
        cell: GcCell<Vec<Gc<'gc, Ring<'gc>>>>,
        fixed: Option<Gc<'gc, Ring<'gc>>>,
    }
    let heap = checked().build().unwrap();
    let m = heap.attach().unwrap();
    let inner = m.alloc(Ring { slot: Slot::null(), cell: GcCell::default(), fixed: None });
    let outer = m.alloc(Ring { slot: Slot::new(Some(inner)), cell: GcCell::default(), fixed: Some(inner) });
    inner.slot.set(&m, Some(outer));
    inner.cell.borrow_mut(&m).extend([inner, outer]);
    let root = m.root(vec![outer]);
    for text in [format!("{outer:?}"), format!("{:#?}", inner), format!("{:?}", inner.cell.borrow(&m))] {
        assert!(text.contains("Ring") && text.len() < 10_000, "{text}");
    }
    assert!(format!("{root:?} {m:?} {heap:?}").contains("Root<"));
}
