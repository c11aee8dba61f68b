//! Mutators that stay blocked over several pauses, so that pauses leave them alone, come back whole: their roots have been visited,
//! they mark, lock and remember as the others do, and they can go in every way.

use std::{
    mem,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use gc_core::{Collect, Event, Gc, GcCell, Level, Mutator, Root, Slot, Step, Trace, blocking};
use gc_tests::{
    heaps::{calm, checked, settle, under, wait_until},
    ledger::Ledger,
    sizes::scaled,
};

/// More pauses than a mutator needs to fall dormant.
fn pauses(m: &mut Mutator) {
    for generation in [Collect::Young, Collect::Promote, Collect::Young, Collect::Promote, Collect::Young] {
        m.collect(generation);
    }
}

type Text = Root<Gc<'static, str>>;

/// Each keeps values of three ages in roots, one of them in a box.
#[test]
fn what_they_hold_lives_and_follows_moves() {
    let heap = checked().build().unwrap();
    let (count, rounds) = (scaled(60).max(4) as usize, 6);
    let meet = Barrier::new(count + 1);
    thread::scope(|scope| {
        let sleeper = |index: usize| {
            let (heap, meet) = (&heap, &meet);
            scope.spawn(move || {
                let mut m = heap.attach().unwrap();
                let text = |m: &Mutator, round: usize| -> Text { m.root(m.alloc_str(&format!("{index} in {round}"))) };
                let mut texts = Vec::new();
                let boxed = m.root([m.alloc(index), m.alloc(2 * index), m.alloc(3 * index)]);
                for round in 0..rounds {
                    texts.push(text(&m, round));
                    blocking::barrier(&mut m, meet);
                    // The main thread collects.
                    blocking::barrier(&mut m, meet);
                    for (round, text) in texts.iter().enumerate() {
                        assert_eq!(&*text.get(&m), format!("{index} in {round}"));
                    }
                    assert_eq!(boxed.get(&m).map(|n| *n), [index, 2 * index, 3 * index]);
                }
            })
        };
        let sleepers: Vec<_> = (0..count).map(sleeper).collect();
        let mut m = heap.attach().unwrap();
        for round in 0..rounds {
            blocking::barrier(&mut m, &meet);
            pauses(&mut m);
            if round % 2 == 0 {
                m.collect(Collect::Full);
            } else {
                m.compact();
            }
            blocking::barrier(&mut m, &meet);
        }
        // Joined explicitly, for ThreadSanitizer.
        m.blocked(|| sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap()));
    });
}

/// A mutator that knew only the old stop would take and leave locks that others take for stale ones.
#[test]
fn a_cell_is_locked_for_all_by_one_that_comes_back() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cell: Root<Gc<'static, GcCell<u64>>> = m.root(m.alloc(GcCell::new(0_u64)));
    let (go, wait) = mpsc::channel::<()>();
    let (told, tells) = mpsc::channel();
    let (there, same) = (heap.clone(), cell.clone_in(&m));
    let sleeper = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        // Stale after the next stop, for its owner, too.
        mem::forget(same.get(&m).borrow_mut(&m));
        told.send(()).unwrap();
        blocking::recv(&mut m, &wait).unwrap();
        let cell = same.get(&m);
        let mut guard = cell.borrow_mut(&m);
        *guard = 1;
        told.send(()).unwrap();
        // Not in `blocked`: the guard is alive. The other one is about to wait for it.
        wait.recv().unwrap();
        (0..1000).for_each(|_| thread::yield_now());
        *guard = 2;
    });
    m.blocked(|| tells.recv()).unwrap();
    pauses(&mut m);
    go.send(()).unwrap();
    m.blocked(|| tells.recv()).unwrap();
    go.send(()).unwrap();
    assert_eq!(*cell.get(&m).borrow_mut(&m), 2, "a cell is written by two threads");
    m.blocked(|| sleeper.join()).unwrap();
}

/// Alone when it fell dormant, it used cells without atomic operations.
#[test]
fn one_that_was_alone_shares_cells_when_it_comes_back() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cell: Root<Gc<'static, GcCell<u64>>> = m.root(m.alloc(GcCell::new(0_u64)));
    let (rounds, adds) = (scaled(20), 2000);
    for round in 0..rounds {
        let (there, same) = (heap.clone(), cell.clone_in(&m));
        let met = Arc::new(Barrier::new(2));
        let meet = met.clone();
        // No other mutator is attached while this one falls dormant.
        let other = m.blocked(|| {
            for _ in 0..5 {
                heap.spawn(|m| m.collect(Collect::Young)).unwrap().join().unwrap();
            }
            let other = thread::spawn(move || {
                let mut m = there.attach().unwrap();
                m.collect(Collect::Young);
                blocking::barrier(&mut m, &meet);
                for _ in 0..adds {
                    *same.get(&m).borrow_mut(&m) += 1;
                }
            });
            met.wait();
            other
        });
        for _ in 0..adds {
            *cell.get(&m).borrow_mut(&m) += 1;
        }
        m.blocked(|| other.join()).unwrap();
        assert_eq!(*cell.get(&m).borrow(&m), 2 * adds * (round + 1));
    }
}

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Slot<'gc, Node<'gc>>,
}

/// Marking begins while they are dormant. What they take out afterwards is in the snapshot.
#[test]
fn they_mark_what_they_overwrite_if_marking_began_meanwhile() {
    const LENGTH: u64 = 3000;
    let begun = Arc::new(AtomicBool::new(false));
    let begins = begun.clone();
    let tell = move |event: &Event| {
        if let Event::Pause { step: Step::Begin, .. } = event {
            begins.store(true, Ordering::Relaxed);
        }
    };
    let heap = under("slow-marker=1,verify").on_event(Level::Debug, tell).build().unwrap();
    let mut m = heap.attach().unwrap();
    let (go, wait) = mpsc::channel::<()>();
    let (told, tells) = mpsc::channel();
    let there = heap.clone();
    let taker = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        let first = {
            let mut list: Option<Gc<'_, Node<'_>>> = None;
            for value in (0..LENGTH).rev() {
                list = Some(m.alloc(Node { value, next: Slot::new(list) }));
            }
            m.root(list.unwrap())
        };
        told.send(()).unwrap();
        blocking::recv(&mut m, &wait).unwrap();
        // The end of the list, which the marker has not reached, hangs on a new root from now on.
        let mut node = first.get(&m);
        for _ in 0..LENGTH / 2 {
            node = node.next.get().unwrap();
        }
        let rest = m.root(node.next.take(&m).unwrap());
        drop(first);
        told.send(()).unwrap();
        blocking::recv(&mut m, &wait).unwrap();
        let (mut node, mut value) = (Some(rest.get(&m)), LENGTH / 2 + 1);
        while let Some(there) = node {
            assert_eq!(there.value, value, "a live object was freed");
            (node, value) = (there.next.get(), value + 1);
        }
        assert_eq!(value, LENGTH);
    });
    m.blocked(|| tells.recv()).unwrap();
    pauses(&mut m);
    let cycle = heap.spawn(|m| m.collect(Collect::Full)).unwrap();
    m.blocked(|| wait_until("marking begins", || begun.load(Ordering::Relaxed)));
    go.send(()).unwrap();
    m.blocked(|| tells.recv()).unwrap();
    m.blocked(|| cycle.join()).unwrap();
    go.send(()).unwrap();
    m.blocked(|| taker.join()).unwrap();
}

/// What they hold is found, and dropped once, whichever way they go: parked, kept, at the end of a thread, with the heap.
#[test]
fn they_go_in_every_way() {
    let ledger = Ledger::default();
    for way in 0..5 {
        let heap = checked().build().unwrap();
        let mut m = heap.attach().unwrap();
        let (told, tells) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let (there, token) = (heap.clone(), ledger.token());
        let sleeper = thread::spawn(move || {
            let told = |root: Root<Gc<'static, _>>| {
                told.send(root).unwrap();
                wait.recv().unwrap();
            };
            match way {
                0 => {
                    let m = there.attach().unwrap();
                    let root = m.root(m.alloc(token));
                    let parked = m.park();
                    told(root);
                    drop(parked);
                }
                1 => {
                    let m = there.attach().unwrap();
                    let root = m.root(m.alloc(token));
                    let parked = m.park();
                    told(root);
                    drop(parked.enter().unwrap());
                }
                2 => {
                    // Kept, until the thread exits.
                    let root = there.with(|m| m.root(m.alloc(token))).unwrap();
                    told(root);
                }
                3 => {
                    // Kept, and the thread lets go of the heap: the last user detaches it.
                    let root = there.with(|m| m.root(m.alloc(token))).unwrap();
                    drop(there);
                    told(root);
                }
                _ => {
                    // Lent again inside of `blocked` of itself.
                    let mut m = there.attach().unwrap();
                    let root = m.root(m.alloc(token));
                    m.blocked(|| {
                        told(root);
                        there.with(|m| m.collect(Collect::Young)).unwrap();
                    });
                }
            }
        });
        let root = m.blocked(|| tells.recv()).unwrap();
        pauses(&mut m);
        assert!(root.get(&m).number() < ledger.made());
        if way == 3 {
            drop((root, m, heap));
            go.send(()).unwrap();
            sleeper.join().unwrap();
        } else {
            go.send(()).unwrap();
            m.blocked(|| sleeper.join()).unwrap();
            drop(root);
            m.collect(Collect::Full);
            settle(&heap);
        }
        wait_until("it is dropped", || ledger.dropped() == ledger.made());
    }
    ledger.assert_all_once();
}

type Table = Gc<'static, [GcCell<Option<Gc<'static, u64>>>]>;

/// Threads that block for a while, for long, or never, beside collections of every kind.
#[test]
fn they_come_back_in_a_crowd() {
    let heap = checked().nursery_bytes(256 << 10).build().unwrap();
    let (sleepers, rounds) = (scaled(24).max(4) as usize, scaled(40));
    let awake = AtomicUsize::new(sleepers);
    let table: Root<Table> = {
        let m = heap.attach().unwrap();
        m.root(m.alloc_slice_with(sleepers, |_| GcCell::new(None::<Gc<u64>>)))
    };
    thread::scope(|scope| {
        let sleeper = |index: usize| {
            let (go, wait) = mpsc::channel::<u64>();
            let (heap, table, awake) = (&heap, &table, &awake);
            let sleeper = scope.spawn(move || {
                let mut m = heap.attach().unwrap();
                while let Ok(round) = blocking::recv(&mut m, &wait) {
                    let own = m.alloc(round);
                    *table.get(&m)[index].borrow_mut(&m) = Some(own);
                    for other in table.get(&m).iter() {
                        assert!(other.borrow(&m).is_none_or(|n| *n < rounds));
                    }
                }
                awake.fetch_sub(1, Ordering::Relaxed);
            });
            (go, sleeper)
        };
        let (gates, sleepers): (Vec<_>, Vec<_>) = (0..sleepers).map(sleeper).unzip();
        let mut m = heap.attach().unwrap();
        for round in 0..rounds {
            for (index, gate) in gates.iter().enumerate() {
                // The second is sent to each time, the last one rarely.
                if (round as usize).is_multiple_of(index + 1) {
                    gate.send(round).unwrap();
                }
            }
            m.collect([Collect::Young, Collect::Promote, Collect::Full][round as usize % 3]);
            for _ in 0..500 {
                m.alloc([0_u64; 16]);
                m.safepoint();
            }
        }
        drop(gates);
        drop(m);
        // Joined explicitly, for ThreadSanitizer.
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    });
    assert_eq!(awake.into_inner(), 0);
}
