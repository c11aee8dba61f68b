//! Allocations that are refused, and bytes elsewhere by which they are: what was promised of them.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use gc_core::{Collect, Gc, GcCell, Mutator, Trace};
use gc_tests::{
    Tested,
    heaps::{calm, checked, settle},
    ledger::{Ledger, Token},
    sizes::scaled,
};

#[derive(Trace)]
struct Holds<'gc> {
    next: Option<Gc<'gc, Holds<'gc>>>,
    token: Token,
    bytes: [u8; 200],
}

/// Each way to allocate gives back what it was to make of, which drops once; and asks for the full collection that it speaks of.
#[test]
fn every_refusal_gives_back_and_asks_for_a_collection() -> Tested {
    let heap = calm().build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    heap.set_hard_limit(Some(0));
    type Way = fn(&Mutator, &Ledger) -> String;
    let ways: &[Way] = &[
        |m, ledger| {
            let error =
                m.try_alloc(Holds { next: None, token: ledger.token(), bytes: [7; 200] }).map(|_| ()).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.into_value().bytes[199], 7);
            text
        },
        |m, ledger| {
            let token = ledger.token();
            let error = m.try_alloc_with(move || Holds { next: None, token, bytes: [7; 200] }).map(|_| ()).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.into_value()().bytes[199], 7);
            text
        },
        |m, ledger| {
            let mut tokens: Vec<_> = (0..5).map(|_| ledger.token()).collect();
            let error = m.try_alloc_slice_with(5, |n| tokens.swap_remove(4 - n)).map(|_| ()).unwrap_err();
            let text = error.to_string();
            drop(error.into_value()(4));
            text
        },
        |m, ledger| {
            let tokens: Vec<_> = (0..5).map(|_| ledger.token()).collect();
            let error = m.try_alloc_slice_from_iter(tokens.into_iter()).map(|_| ()).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.into_value().len(), 5);
            text
        },
        |m, _| m.try_alloc_slice_copy(&[1_u64; 5000]).map(|_| ()).unwrap_err().to_string(),
        |m, _| m.try_alloc_str("refused").map(|_| ()).unwrap_err().to_string(),
        |m, _| m.try_alloc_slice_with(usize::MAX / 64, |n| n).map(|_| ()).unwrap_err().to_string(),
    ];
    for (number, way) in ways.iter().enumerate() {
        // A heap that was found full promises a collection for some refusals only; a limit that is set is a new one.
        heap.set_hard_limit(Some(0));
        let text = way(&m, &ledger);
        assert!(text.contains("no memory for an object of") && text.contains("the hard limit is 0 bytes"), "{text}");
        assert!(m.safepoint_pending(), "way {number}: {text}");
        let before = heap.stats().collections.full;
        m.safepoint();
        assert_eq!(heap.stats().collections.full, before + 1, "way {number}");
    }
    heap.set_hard_limit(None);
    assert!(m.try_alloc(1_u64).is_ok());
    ledger.assert_all_once();
    Ok(())
}

/// A length that no memory holds has no number of bytes, and letting go of something makes no room for it. It was told as a refusal of
/// `usize::MAX` bytes, with a collection promised that nobody had asked for.
#[test]
fn a_refusal_speaks_of_no_bytes_that_nobody_asked_for() -> Tested {
    let heap = calm().build()?;
    let m = heap.attach()?;
    let text = m.try_alloc_slice_with(usize::MAX, |n| n).map(|_| ()).unwrap_err().to_string();
    assert_eq!(text, "no memory for an object of more bytes than there are addresses");
    assert!(!m.safepoint_pending());
    Ok(())
}

/// Bytes elsewhere beyond every limit, told between the allocation of what is young and its collection, which may take no more memory from
/// there on: it goes on, and loses nothing.
#[test]
fn a_pause_goes_on_however_much_is_held_elsewhere() -> Tested {
    let nodes = scaled(2000) as usize;
    for workers in ["verify", "workers=2,verify", "to-space-full=3,verify"] {
        let heap = gc_tests::heaps::under(workers).hard_limit(64 << 20).build()?;
        let ledger = Ledger::default();
        let mut m = heap.attach()?;
        for generation in [Collect::Young, Collect::Promote, Collect::Full] {
            let mut list = m.root(None::<Gc<Holds>>);
            let mut slices = m.root(Vec::<Gc<[u64]>>::new());
            for n in 0..nodes {
                let next = list.get(&m);
                list.set(&m, Some(m.alloc(Holds { next, token: ledger.token(), bytes: [n as u8; 200] })));
                slices.get_mut(&m).push(m.alloc_slice_with(n % 700, |_| n as u64));
            }
            let held = m.external_bytes(usize::MAX / 2);
            let more = m.external_bytes(usize::MAX / 2);
            for _ in 0..3 {
                m.collect(generation);
                assert!(m.try_alloc_slice_with(1 << 20, |_| 0_u8).is_err());
                m.safepoint();
            }
            let mut length = 0;
            let mut next = list.get(&m);
            while let Some(node) = next {
                length += 1;
                assert_eq!(node.bytes[100], (nodes - length) as u8);
                next = node.next;
            }
            assert_eq!(length, nodes);
            assert!(
                slices.borrow(&m).iter().enumerate().all(|(n, slice)| slice.iter().all(|value| *value == n as u64))
            );
            drop((held, more, list));
            m.collect(Collect::Full);
            settle(&heap);
            assert!(m.try_alloc_slice_with(1 << 20, |_| 0_u8).is_ok());
        }
        ledger.assert_all_once();
    }
    Ok(())
}

/// Bytes elsewhere are counted as said, whatever was refused, forgotten or ended before.
#[test]
fn bytes_elsewhere_add_up_through_panics_and_the_end_of_their_heap() -> Tested {
    let heap = calm().build()?;
    let mut one = heap.external_bytes(usize::MAX - 10);
    let mut other = heap.external_bytes(10);
    assert!(catch_unwind(AssertUnwindSafe(|| other.set(11))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| heap.external_bytes(1))).is_err());
    assert_eq!((one.get(), other.get(), heap.stats().memory_bytes), (usize::MAX - 10, 10, usize::MAX));
    one.set(0);
    other.set(20);
    assert_eq!(heap.stats().memory_bytes, 20);
    let mut m = heap.attach()?;
    for _ in 0..5 {
        drop(m.external_bytes(usize::MAX - 20));
    }
    m.safepoint();
    assert_eq!(heap.stats().memory_bytes - 20, {
        drop(other);
        heap.stats().memory_bytes
    });
    let theirs = m.external_bytes(1 << 20);
    drop((m, heap));
    let mut theirs = theirs;
    theirs.set(usize::MAX);
    drop((theirs, one));
    Ok(())
}

/// A refusal while guards are alive, objects are being made and a collection has been promised: all go on, and the next allocation finds room.
#[test]
fn a_refusal_in_the_middle_of_things_breaks_none() -> Tested {
    let heap = checked().hard_limit(16 << 20).chunk_bytes(64 << 10).nursery_bytes(256 << 10).build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    let root = m.root(m.alloc(GcCell::new(Vec::<Gc<[u64]>>::new())));
    for round in 0..5 {
        {
            let cell = root.get(&m);
            let mut kept = cell.borrow_mut(&m);
            kept.clear();
            let refused = Cell::new(0);
            let outer = m.try_alloc_slice_with(1000, |n| {
                if kept.len() < 20_000 && refused.get() < 3 {
                    for _ in 0..100 {
                        match m.try_alloc_slice_with(100, |_| n as u64) {
                            Ok(slice) => kept.push(slice),
                            Err(_) => refused.set(refused.get() + 1),
                        }
                    }
                }
                ledger.token()
            });
            assert!(refused.get() > 0 && outer.is_ok_and(|outer| outer.len() == 1000), "round {round}");
        }
        m.safepoint();
        let full = heap.stats().collections.full;
        assert!(full > round);
        assert!(root.get(&m).borrow(&m).iter().all(|slice| slice.iter().all(|value| *value == slice[0])));
        root.get(&m).set(&m, Vec::new());
        m.collect(Collect::Full);
        settle(&heap);
    }
    ledger.assert_all_once();
    Ok(())
}
