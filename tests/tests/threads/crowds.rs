//! Crowds: thousands of mutators attach and detach beside some that are blocked, leaked in `blocked`, late, or that count references for
//! others, and none hangs or is lost.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use gc_core::{Collect, Counted, CountedWeak, Slot, blocking};
use gc_tests::{
    heaps::{calm, checked, settle, wait_until},
    ledger::{Ledger, Token},
    sizes::{is_full, scaled},
};

/// Owners of counted references come and go, while the references are dropped, cloned and upgraded by others.
#[test]
fn owners_that_go_by_thousands_leave_counts_that_others_settle() {
    let heap = calm().build().unwrap();
    let ledger = Ledger::default();
    let (send, receive) = crossbeam_channel::bounded::<(Counted<Token>, CountedWeak<Token>)>(100);
    thread::scope(|scope| {
        let (heap, ledger) = (&heap, &ledger);
        for maker in 0..3 {
            let send = send.clone();
            scope.spawn(move || {
                for round in 0..scaled(2000) {
                    let mut m = heap.attach().unwrap();
                    let one = Counted::new(ledger.token());
                    let pair = (one.clone(), Counted::downgrade(&one));
                    match (round + maker) % 4 {
                        0 => blocking::crossbeam::send(&mut m, &send, pair).unwrap(),
                        1 => {
                            drop(m);
                            send.send(pair).unwrap();
                        }
                        2 => {
                            blocking::crossbeam::send(&mut m, &send, pair).unwrap();
                            drop(m);
                            drop(one.clone());
                        }
                        _ => {
                            let root = m.root(m.alloc(one.clone()));
                            blocking::crossbeam::send(&mut m, &send, pair).unwrap();
                            drop(m);
                            drop(root);
                        }
                    }
                    drop(one);
                }
            });
        }
        drop(send);
        for user in 0..2 {
            let receive = receive.clone();
            scope.spawn(move || {
                for (round, (one, weak)) in receive.into_iter().enumerate() {
                    let m = (round % 3 == user).then(|| heap.attach().unwrap());
                    assert!(one.number() < ledger.made());
                    let two = weak.upgrade().unwrap();
                    drop(one);
                    drop(m);
                    drop(two);
                }
            });
        }
    });
    heap.attach().unwrap().collect(Collect::Full);
    settle(&heap);
    wait_until("all are dropped", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
}

/// Places in the registry: mutators leave in every order, beside some that stay, and roots are left behind or not.
#[test]
fn mutators_leave_from_every_place() {
    let heap = checked().build().unwrap();
    let (over, going) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    let blocked: Vec<_> = (0..20)
        .map(|n| {
            let (heap, over) = (heap.clone(), over.clone());
            thread::spawn(move || {
                let mut m = heap.attach().unwrap();
                let kept = m.root(m.alloc([n; 4]));
                while !over.load(Ordering::Relaxed) {
                    blocking::sleep(&mut m, Duration::from_micros(50 * (n + 1)));
                    assert_eq!(kept.get(&m)[3], n);
                }
            })
        })
        .collect();
    // One that is leaked in `blocked` is away for ever, and in nobody's way.
    let there = heap.clone();
    let (gone, is_gone) = mpsc::channel();
    thread::spawn(move || {
        let mut m = there.attach().unwrap();
        m.blocked(|| {
            gone.send(()).unwrap();
            loop {
                thread::park();
            }
        });
    });
    is_gone.recv().unwrap();
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (heap, going) = (&heap, &going);
            scope.spawn(move || {
                let mut left = Vec::new();
                for round in 0..scaled(500) {
                    let mut m = heap.attach().unwrap();
                    let root = m.root(m.alloc([round, thread]));
                    if round % 3 == 0 {
                        left.push((round, root));
                    }
                    if round % 64 == 0 {
                        m.collect(Collect::Promote);
                        left.drain(..left.len() / 2);
                    }
                    for (round, root) in &left {
                        assert_eq!(root.get(&m)[..], [*round, thread]);
                    }
                    going.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    over.store(true, Ordering::Relaxed);
    blocked.into_iter().for_each(|blocked| blocked.join().unwrap());
    heap.attach().unwrap().collect(Collect::Full);
    mem::forget(heap);
}

/// Threads that compute now and then for longer than anyone waits, in turns; the others only block. Garbage stays bounded.
#[test]
fn late_ones_in_turns_do_not_keep_the_heap_from_collecting() {
    let heap = calm().nursery_bytes(1 << 20).build().unwrap();
    let kept = {
        let m = heap.attach().unwrap();
        m.root(m.alloc_slice_with(8, |_| Slot::<[u64; 100]>::null()))
    };
    let mut m = heap.attach().unwrap();
    blocking::scope(&mut m, |scope| {
        for thread in 0..6_u64 {
            let (heap, kept) = (&heap, &kept);
            scope.spawn(move || {
                let mut m = heap.attach().unwrap();
                for round in 0..scaled(4000) {
                    kept.get(&m)[thread as usize].set(&m, Some(m.alloc([round; 100])));
                    m.alloc_slice_with(500, |i| i as u64);
                    if round % 300 == thread * 50 {
                        thread::sleep(Duration::from_millis(30)); // runs, and does not poll
                    }
                    m.blocked(|| {
                        if round % 20 == 0 {
                            thread::yield_now()
                        }
                    });
                    assert_eq!(kept.get(&m)[thread as usize].get().unwrap()[99], round);
                }
            });
        }
    });
    let stats = heap.stats();
    // A tenth of the work is done while one computes and all others give up.
    let least = if is_full() { 3 } else { 1 };
    assert!(stats.collections.total() >= least, "{stats:?}");
    assert!(stats.memory_peak < 96 << 20, "{} MiB of 115", stats.memory_peak >> 20);
}

/// Each thread is now and then in `blocked`, parked, leading, ended; all are asked for collections from outside.
#[test]
fn asked_from_outside_while_all_come_and_go() {
    let heap = calm().nursery_bytes(512 << 10).build().unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (heap, over) = (&heap, &over);
        for thread in 0..4_u64 {
            scope.spawn(move || {
                let mut turn = thread;
                while !over.load(Ordering::Relaxed) {
                    let mut m = heap.attach().unwrap();
                    for _ in 0..turn % 7 {
                        let kept = m.root(m.alloc([turn; 50]));
                        match turn % 5 {
                            0 => m.safepoint(),
                            1 => m.blocked(|| thread::sleep(Duration::from_micros(20))),
                            2 => _ = m.collect(Collect::Young),
                            3 => _ = m.external_bytes(8 << 20),
                            _ => {}
                        }
                        assert_eq!(kept.get(&m)[49], turn);
                        turn += 1;
                    }
                    turn += 1;
                }
            });
        }
        scope.spawn(move || {
            for n in 0..scaled(400) as usize {
                let mut held = heap.external_bytes((n % 7) << 28);
                held.set((n % 5) << 29);
                heap.set_auto(n % 3 != 0);
                heap.set_soft_limit((n % 4 == 0).then_some(1 << 20));
                thread::sleep(Duration::from_micros(300));
            }
            over.store(true, Ordering::Relaxed);
        });
    });
}
