//! Heaps that end while their helpers are being hired, or are in the middle of their first packet, and hundreds of heaps at once.

use std::{sync::mpsc, thread};

use gc_core::{Collect, Gc, Heap, Root, Slot, Trace};
use gc_tests::{
    heaps::{calm, under},
    ledger::{Ledger, Token},
};

#[derive(Trace)]
struct Node<'gc> {
    token: Token,
    left: Slot<'gc, Node<'gc>>,
    right: Slot<'gc, Node<'gc>>,
}

fn tree<'gc>(m: &'gc gc_core::Mutator, ledger: &Ledger, depth: u32) -> Gc<'gc, Node<'gc>> {
    let child = || (depth > 0).then(|| tree(m, ledger, depth - 1));
    m.alloc(Node { token: ledger.token(), left: Slot::new(child()), right: Slot::new(child()) })
}

fn count(node: Gc<'_, Node<'_>>) -> usize {
    let _ = &node.token;
    1 + [&node.left, &node.right].into_iter().filter_map(|slot| slot.get()).map(count).sum::<usize>()
}

#[test]
fn a_heap_ends_as_its_helpers_are_hired() {
    for workers in [2, 5, 16] {
        for collect in [false, true] {
            let ledger = Ledger::default();
            let heap = under(&format!("workers={workers}")).build().unwrap();
            let mut m = heap.attach().unwrap();
            drop(heap);
            let root: Root<Gc<Node>> = m.root(tree(&m, &ledger, 6));
            if collect {
                m.collect(Collect::Promote);
                assert_eq!(count(root.get(&m)), 127);
            }
            drop(m);
            drop(root);
            ledger.assert_all_once();
        }
    }
}

#[test]
fn helpers_that_are_hired_by_growth_meet_the_end() {
    for _ in 0..5 {
        let ledger = Ledger::default();
        let heap = calm().workers(4).nursery_bytes(4 << 20).build().unwrap();
        let mut m = heap.attach().unwrap();
        let root = m.root(m.alloc_slice_with(60_000, |n| Slot::new(Some(m.alloc([n as u64; 4])))));
        let tokens: Root<Gc<Node>> = m.root(tree(&m, &ledger, 5));
        m.collect(Collect::Young);
        m.collect(Collect::Young);
        for (n, slot) in root.get(&m).iter().enumerate() {
            assert_eq!(*slot.get().unwrap(), [n as u64; 4]);
        }
        drop((root, tokens, heap));
        drop(m);
        ledger.assert_all_once();
    }
}

#[test]
fn hundreds_of_heaps_at_once_end_in_any_order() {
    const HEAPS: usize = 200;
    let ledger = Ledger::default();
    let build =
        || under("workers=2").reservation(256 << 20).chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap();
    let heaps: Vec<Heap> = (0..HEAPS).map(|_| build()).collect();
    let mut roots: Vec<Root<Gc<Node>>> = Vec::new();
    for heap in &heaps {
        let mut m = heap.attach().unwrap();
        roots.push(m.root(tree(&m, &ledger, 3)));
        m.collect(Collect::Young);
    }
    let (send, receive) = mpsc::channel::<(Heap, Root<Gc<Node>>)>();
    let ends = thread::spawn(move || {
        for (heap, root) in receive {
            let m = heap.attach().unwrap();
            assert_eq!(count(root.get(&m)), 15);
            drop(m);
            drop(heap);
            drop(root);
        }
    });
    for (n, pair) in heaps.into_iter().zip(roots).enumerate() {
        if n % 2 == 0 {
            send.send(pair).unwrap();
        } else {
            let (heap, root) = pair;
            drop(root);
            drop(heap);
        }
    }
    drop(send);
    ends.join().unwrap();
    ledger.assert_all_once();
}
