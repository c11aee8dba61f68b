//! Objects whose immutable fields lead back to them: there when they are whole and not before, through all that the collector does.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use gc_core::{Collect, Gc, GcCell, Heap, Later, Mutator, Root, Slot, Trace, blocking};
use gc_tests::{
    Tested,
    heaps::{calm, checked, settle, under, wait_until},
    ledger::{Ledger, Token},
    sizes::scaled,
};

/// A node of a tree: nothing in it changes.
#[derive(Trace, Debug)]
struct Node<'gc> {
    number: usize,
    itself: Later<'gc, Node<'gc>>,
    parent: Option<Later<'gc, Node<'gc>>>,
    children: Vec<Gc<'gc, Node<'gc>>>,
    text: Gc<'gc, str>,
}

type Handle = Root<Later<'static, Node<'static>>>;

/// Makes a tree of `number` nodes and less, numbered down from `number`.
fn tree<'gc>(m: &'gc Mutator, parent: Option<Later<'gc, Node<'gc>>>, number: usize) -> Gc<'gc, Node<'gc>> {
    m.alloc_cyclic(|itself| {
        assert!(itself.get().is_none() && parent.is_none_or(|parent| parent.get().is_none()));
        m.alloc([0_u64; 9]);
        let children = [number / 2, number / 3].into_iter().filter(|&number| number > 0);
        let children = children.map(|number| tree(m, Some(itself), number)).collect();
        Node { number, itself, parent, children, text: m.alloc_str(&number.to_string()) }
    })
}

/// Checks a tree, and counts its nodes.
#[track_caller]
fn check(node: Gc<Node>, parent: Option<Gc<Node>>) -> usize {
    let itself = node.itself.get().expect("the object is there");
    assert!(Gc::ptr_eq(itself, node));
    assert_eq!(&*itself.text, node.number.to_string());
    assert_eq!(node.parent.map(|parent| parent.get().unwrap().number), parent.map(|parent| parent.number));
    assert!(node.parent.zip(parent).is_none_or(|(up, parent)| Gc::ptr_eq(up.get().unwrap(), parent)));
    1 + node.children.iter().map(|&child| check(child, Some(node))).sum::<usize>()
}

#[test]
fn immutable_fields_lead_back_through_all_collections() {
    for stress in [
        "verify",
        "verify,every-safepoint",
        "verify,every-allocation=7",
        "verify,tiny-nursery,full-every=2,slow-marker=5",
        "verify,promote-random,to-space-full=3,workers=3",
        "verify,promote-always,full-every=1,compact-always,stopped",
        "verify,every-safepoint=3,full-every=3,compact-random,compact-all=4",
    ] {
        let heap = under(stress).build().unwrap();
        let mut m = heap.attach().unwrap();
        let mut trees: Vec<(Root<Gc<Node>>, Handle, usize)> = Vec::new();
        for round in 0..scaled(40) as usize {
            let made = tree(&m, None, 5 + round);
            let nodes = check(made, None);
            trees.push((m.root(made), m.root(made.itself), nodes));
            tree(&m, None, 30);
            m.safepoint();
            if round % 8 == 3 {
                m.collect([Collect::Young, Collect::Promote, Collect::Full][round / 8 % 3]);
                trees.swap_remove(round / 3);
            }
            if round % 16 == 9 {
                m.compact();
            }
            for (tree, handle, nodes) in &trees {
                assert!(Later::ptr_eq(tree.get(&m).itself, handle.get(&m)), "{stress}");
                assert_eq!(check(handle.get(&m).get().unwrap(), None), *nodes, "{stress}");
            }
        }
    }
}

/// What a handle leads to lives, by the handle alone; what leads only to itself does not.
#[test]
fn a_handle_keeps_its_object_and_a_cycle_does_not_keep_itself() {
    #[derive(Trace)]
    struct Owns<'gc> {
        token: Token,
        itself: Later<'gc, Owns<'gc>>,
        other: Option<Gc<'gc, Owns<'gc>>>,
    }
    fn pair<'gc>(m: &'gc Mutator, ledger: &Ledger) -> Gc<'gc, Owns<'gc>> {
        m.alloc_cyclic(|itself| {
            let other = m.alloc_cyclic(|_| Owns { token: ledger.token(), itself, other: None });
            Owns { token: ledger.token(), itself, other: Some(other) }
        })
    }
    let heap = checked().build().unwrap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let kept: Root<Later<Owns>> = m.root(pair(&m, &ledger).itself);
    for _ in 0..scaled(50) {
        pair(&m, &ledger);
        m.safepoint();
    }
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        m.collect(generation);
        let owns = kept.get(&m).get().unwrap();
        assert_eq!((owns.token.number(), owns.other.unwrap().token.number()), (1, 0));
        assert!(Gc::ptr_eq(owns.other.unwrap().itself.get().unwrap(), owns));
    }
    settle(&heap);
    ledger.assert_live(|token| token < 2);
    // The two, and one object for the handle that is left.
    assert_eq!(heap.stats().old_objects, 3);
    drop(kept);
    m.collect(Collect::Full);
    settle(&heap);
    ledger.assert_all_once();
    assert_eq!(heap.stats().old_objects, 0);
}

/// Wherever the handle is stored: in old objects, in roots, in objects made meanwhile, in the closure's surroundings.
#[test]
fn a_handle_gives_none_until_the_object_is_there() {
    #[derive(Trace)]
    struct Elsewhere<'gc> {
        cell: GcCell<Option<Later<'gc, Node<'gc>>>>,
        slot: Slot<'gc, (Later<'gc, Node<'gc>>, [u64; 3])>,
    }
    let heap = under("verify,every-safepoint=3,full-every=2,compact-random").build().unwrap();
    let mut m = heap.attach().unwrap();
    let old = m.root(m.alloc(Elsewhere { cell: GcCell::default(), slot: Slot::null() }));
    m.collect(Collect::Full);
    let mut handles: Vec<Handle> = Vec::new();
    for number in 0..scaled(300) as usize {
        let elsewhere = old.get(&m);
        let mut surroundings = None;
        let all_are = |there: bool| {
            assert_eq!(elsewhere.cell.borrow(&m).unwrap().get().is_some(), there);
            assert_eq!(elsewhere.slot.get().unwrap().0.get().is_some(), there);
        };
        let node = m.alloc_cyclic(|itself| {
            surroundings = Some(itself);
            handles.push(m.root(itself));
            elsewhere.cell.set(&m, Some(itself));
            elsewhere.slot.set(&m, Some(m.alloc((itself, [number as u64; 3]))));
            all_are(false);
            let inner = m.alloc_cyclic(|inner| {
                assert!(!Later::ptr_eq(inner, itself));
                all_are(false);
                Node { number: 0, itself: inner, parent: Some(itself), children: Vec::new(), text: m.alloc_str("0") }
            });
            assert!(inner.itself.get().is_some() && inner.parent.unwrap().get().is_none());
            all_are(false);
            Node { number, itself, parent: None, children: vec![inner], text: m.alloc_str(&number.to_string()) }
        });
        all_are(true);
        assert!(Gc::ptr_eq(surroundings.unwrap().get().unwrap(), node));
        m.safepoint();
        for (number, handle) in handles.iter().enumerate().rev().take(5) {
            let node = handle.get(&m).get().unwrap();
            assert_eq!((node.number, check(node, None)), (number, 2));
        }
        assert_eq!(old.get(&m).cell.borrow(&m).unwrap().get().unwrap().number, number);
    }
}

/// What owns a token, and has a run of its own.
type Large = (Token, [u64; 2000]);

#[test]
fn a_handle_of_a_closure_that_panicked_gives_none_for_ever() {
    for stress in
        ["verify", "verify,every-safepoint,full-every=2,compact-always", "verify,tiny-nursery,every-allocation=3"]
    {
        let heap = under(stress).build().unwrap();
        let ledger = Ledger::default();
        let mut m = heap.attach().unwrap();
        let stored = m.root(m.alloc(GcCell::new(Vec::<Later<Large>>::new())));
        let mut handles: Vec<Root<Later<Large>>> = Vec::new();
        m.collect(Collect::Full);
        for round in 0..scaled(50) as usize {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                m.alloc_cyclic(|itself| {
                    stored.get(&m).borrow_mut(&m).push(itself);
                    handles.push(m.root(itself));
                    let value = (ledger.token(), [7; 2000]);
                    m.alloc(value.1);
                    if round % 3 == 0 { value } else { resume_unwind(Box::new(())) }
                });
            }));
            assert_eq!(outcome.is_ok(), round % 3 == 0);
            m.safepoint();
            m.alloc([7_u64; 2000]);
        }
        m.collect(Collect::Full);
        m.compact();
        let stored = stored.get(&m);
        let stored = stored.borrow(&m);
        for (round, (handle, &other)) in handles.iter().zip(&*stored).enumerate() {
            let handle = handle.get(&m);
            assert!(Later::ptr_eq(handle, other));
            assert_eq!(handle.get().map(|object| object.0.number()), (round % 3 == 0).then_some(round));
        }
        drop(stored);
        settle(&heap);
        ledger.assert_live(|token| token % 3 == 0);
    }
}

/// Another thread has the handle before there is an object, and sees the object whole.
#[test]
fn another_thread_sees_none_and_then_the_whole_object() -> Tested {
    // Nothing is collected here, for the closure waits for the other thread.
    let heap = calm().build()?;
    heap.set_auto(false);
    let mut m = heap.attach()?;
    let (handles, received) = mpsc::channel::<Handle>();
    let (seen, answers) = mpsc::channel();
    let rounds = scaled(200) as usize;
    blocking::scope(&mut m, |scope| {
        let heap = &heap;
        scope.spawn(move || {
            let mut m = heap.attach().expect("a thread that is not attached");
            seen.send(()).expect("a thread that waits");
            for number in 1..=rounds {
                let handle = m.blocked(|| received.recv()).expect("a handle");
                assert!(handle.get(&m).get().is_none());
                seen.send(()).expect("a thread that waits");
                wait_until("the object is there", || handle.get(&m).get().is_some());
                let node = handle.get(&m).get().expect("it stays there");
                assert_eq!(node.number, number);
                check(node, None);
            }
        });
        scope.spawn(move || {
            let mut m = heap.attach().expect("a thread that is not attached");
            m.blocked(|| answers.recv()).expect("the thread is attached");
            for number in 1..=rounds {
                m.alloc_cyclic(|itself| {
                    handles.send(m.root(itself)).expect("a thread that reads");
                    answers.recv().expect("the thread has seen it");
                    let children = vec![tree(&m, Some(itself), number)];
                    Node { number, itself, parent: None, children, text: m.alloc_str(&number.to_string()) }
                });
            }
        });
    });
    Ok(())
}

/// Threads read while others construct and all collect.
#[test]
fn threads_read_while_objects_are_made_and_collected() -> Tested {
    for stress in ["verify,tiny-nursery,full-every=3,compact-random", "verify,every-allocation=50,promote-random"] {
        let heap = under(stress).build()?;
        let mut m = heap.attach()?;
        let (handles, received) = mpsc::channel::<Handle>();
        let is_done = AtomicBool::new(false);
        blocking::scope(&mut m, |scope| {
            let (heap, is_done) = (&heap, &is_done);
            let readers = scope.spawn(move || {
                let mut m = heap.attach().expect("a thread that is not attached");
                let mut kept = Vec::new();
                while let Ok(handle) = m.blocked(|| received.recv()) {
                    kept.push(handle);
                    for handle in kept.iter().rev().take(3) {
                        if let Some(node) = handle.get(&m).get() {
                            check(node, None);
                        }
                    }
                    m.safepoint();
                }
                // One in four was given up.
                let made = kept.iter().filter(|handle| handle.get(&m).get().map(|node| check(node, None)).is_some());
                assert_eq!(made.count() * 4, kept.len() * 3);
                is_done.store(true, Ordering::Relaxed);
            });
            for _ in 0..2 {
                let handles = handles.clone();
                scope.spawn(move || {
                    let mut m = heap.attach().expect("a thread that is not attached");
                    for number in 0..scaled(25) as usize * 4 {
                        _ = catch_unwind(AssertUnwindSafe(|| {
                            m.alloc_cyclic(|itself| {
                                handles.send(m.root(itself)).expect("a thread that reads");
                                let children = vec![tree(&m, Some(itself), 5)];
                                if number % 4 == 0 {
                                    resume_unwind(Box::new(()));
                                }
                                let text = m.alloc_str(&number.to_string());
                                Node { number, itself, parent: None, children, text }
                            });
                        }));
                        m.safepoint();
                    }
                });
            }
            drop(handles);
            readers.join().expect("what was read was whole");
        });
        assert!(is_done.into_inner());
    }
    Ok(())
}

/// Where memory runs out, the closure has not run, and comes back.
#[test]
fn the_closure_is_given_back_at_the_limit() {
    let heap = calm().chunk_bytes(64 << 10).nursery_bytes(256 << 10).hard_limit(8 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let made = std::cell::Cell::new(0);
    let make = |itself: Later<'_, _>| {
        made.set(made.get() + 1);
        assert!(Later::get(itself).is_none());
        [made.get(); 4096]
    };
    let mut kept: Vec<Root<Gc<[usize; 4096]>>> = Vec::new();
    let error = loop {
        match m.try_alloc_cyclic(make) {
            Ok(object) => kept.push(m.root(object)),
            Err(error) => break error,
        }
        let before = made.get();
        assert_eq!(before, kept.len());
    };
    assert!(error.to_string().contains("hard limit"), "{error}");
    assert_eq!(made.get(), kept.len());
    let make = error.into_value();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        loop {
            kept.push(m.root(m.alloc_cyclic(make)));
        }
    }));
    let message = outcome.map(|()| "no panic".to_owned()).unwrap_or_else(|panic| *panic.downcast().expect("a message"));
    assert!(message.contains("hard limit"), "{message}");
    assert_eq!(made.get(), kept.len());
    assert!(kept.iter().enumerate().all(|(index, root)| root.get(&m)[4095] == index + 1));
    kept.clear();
    m.collect(Collect::Full);
    assert_eq!(m.try_alloc_cyclic(make).unwrap()[0], made.get());
}

/// Objects of every kind of place: in the buffer, in runs, aligned, of no size.
#[test]
fn objects_of_every_size_and_alignment_lead_back() {
    #[derive(Trace)]
    #[repr(align(4096))]
    struct Page<'gc>(Later<'gc, Page<'gc>>, u8);
    #[derive(Trace)]
    struct Large<'gc>([u64; 20_000], Later<'gc, Large<'gc>>);
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut nothing: Option<Root<Later<()>>> = None;
    let page = m.root(m.alloc_cyclic(|page| Page(page, 9)));
    let large = m.root(m.alloc_cyclic(|large| Large([6; 20_000], large)));
    let empty = m.root(m.alloc_cyclic(|empty| nothing = Some(m.root(empty))));
    let nothing = nothing.unwrap();
    for generation in [Collect::Young, Collect::Promote, Collect::Full, Collect::Young, Collect::Full] {
        let (page, large) = (page.get(&m), large.get(&m));
        assert!(Gc::ptr_eq(page.0.get().unwrap(), page) && page.1 == 9);
        assert!(Gc::ptr_eq(large.1.get().unwrap(), large) && large.0[19_999] == 6);
        assert!(Gc::ptr_eq(nothing.get(&m).get().unwrap(), empty.get(&m)));
        m.collect(generation);
    }
}

#[test]
fn printing_a_cycle_ends() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let node = m.alloc_cyclic(|itself| {
        let printed = format!("{itself:?}");
        assert!(printed.starts_with("Later<") && printed.ends_with(">(null)"), "{printed}");
        Node { number: 1, itself, parent: Some(itself), children: Vec::new(), text: m.alloc_str("one") }
    });
    let printed = format!("{node:?}");
    assert!(printed.matches(">(0x").count() == 2 && printed.len() < 500, "{printed}");
}

/// A type whose fields are handles is not invariant, as one with a slot would be.
#[test]
fn a_handle_is_one_word_and_covariant() {
    fn shorter<'short, 'long: 'short>(node: &'short Node<'long>) -> &'short Node<'short> {
        node
    }
    const { assert!(size_of::<Later<'static, Node>>() == size_of::<usize>()) };
    const { assert!(size_of::<Option<Later<'static, str>>>() == size_of::<usize>()) };
    const { assert!(Node::HAS_GC && !Node::HAS_CELL) };
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let node = tree(&m, None, 1);
    assert_eq!(shorter(&node).number, 1);
}
