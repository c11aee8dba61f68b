//! `drain_drops` waits for what was dead before, and says what is left; what waits is counted exactly.

use std::{sync::Arc, thread, time::Duration};

use gc_core::{Collect, Event, Level, Root, Trace};
use gc_tests::{
    Tested,
    heaps::{TIMEOUT, calm, wait_until},
    ledger::{Ledger, Token},
    runs::Runs,
    sizes::scaled,
};
use parking_lot::Mutex;

use super::Gate;

#[test]
fn it_says_what_is_left() -> Tested {
    let heap = calm().build()?;
    let gate = Gate::default();
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    assert_eq!(m.drain_drops(Duration::ZERO), Ok(()));
    m.alloc(gate.waits());
    for _ in 0..9 {
        m.alloc(ledger.token());
    }
    assert_eq!(m.drain_drops(Duration::ZERO), Ok(()), "no collection has found them");
    m.collect(Collect::Full);
    wait_until("a destructor runs", || gate.waiting() == 1);
    let left = m.drain_drops(Duration::from_millis(1)).expect_err("one waits");
    assert!(left.values <= 10 && left.values > 0 && left.values + ledger.dropped() == 10, "{left:?}");
    assert_eq!(left.running.len(), 1, "{left:?}");
    assert!(left.running[0].ends_with("Waits") && left.to_string().contains("Waits"), "{left}");
    assert!(left.oldest >= Duration::from_millis(1));
    gate.open();
    m.drain_drops(TIMEOUT)?;
    assert_eq!((heap.stats().drops_pending, heap.stats().drops_run, gate.passed()), (0, 10, 1));
    ledger.assert_all_once();
    Ok(())
}

/// A large object has a type too, which is told while it is dropped, and when that is slow.
#[test]
fn it_names_large_objects() -> Tested {
    let (send, slow) = std::sync::mpsc::channel();
    let heap = calm()
        .slow_destructor(Duration::from_millis(1))
        .on_event(Level::Warning, move |event| {
            if let Event::DestructorSlow { type_name, .. } = event {
                let _ = send.send(*type_name);
            }
        })
        .build()?;
    let gate = Gate::default();
    let mut m = heap.attach()?;
    m.alloc((gate.waits(), [0_u64; 4000]));
    m.collect(Collect::Full);
    m.blocked(|| wait_until("a destructor runs", || gate.waiting() == 1));
    let left = m.drain_drops(Duration::ZERO);
    let told = m.blocked(|| slow.recv_timeout(TIMEOUT));
    gate.open();
    m.drain_drops(TIMEOUT)?;
    let left = left.expect_err("one waits");
    assert_eq!((left.values, left.running.len()), (1, 1), "{left}");
    assert!(left.running[0].contains("Waits") && told? == left.running[0], "{left}");
    Ok(())
}

/// What dies after the call does not delay it.
#[test]
fn it_waits_for_what_was_dead_before_only() -> Tested {
    let heap = calm().slow_destructor(TIMEOUT).build()?;
    let (first, second) = (Gate::default(), Gate::default());
    let mut m = heap.attach()?;
    m.alloc(first.waits());
    m.collect(Collect::Young);
    wait_until("the first destructor runs", || first.waiting() == 1);
    let there = heap.clone();
    let drains = thread::spawn(move || there.attach().expect("a free thread").drain_drops(TIMEOUT));
    m.blocked(|| wait_until("the other thread is attached or through", || heap.stats().drops_pending == 1));
    // It may call later than this, and wait for both: so the second gate is opened in the end.
    m.alloc(second.waits());
    m.collect(Collect::Young);
    first.open();
    wait_until("the second destructor runs", || second.waiting() == 1);
    assert_eq!(m.drain_drops(Duration::ZERO).map_err(|left| left.values), Err(1));
    second.open();
    m.blocked(|| drains.join()).expect("no panic")?;
    Ok(())
}

/// It was counted part by part: a hundred values counted until the last of them was dropped.
#[test]
fn each_destructor_finds_how_many_are_left() -> Tested {
    let heap = calm().build()?;
    let found = Arc::new(Mutex::new(Vec::new()));
    let mut m = heap.attach()?;
    for _ in 0..100 {
        let (heap, found) = (heap.clone(), found.clone());
        m.alloc(Runs::new(move || {
            let stats = heap.stats();
            found.lock().push((stats.drops_pending, stats.drops_run));
        }));
    }
    m.collect(Collect::Young);
    m.drain_drops(TIMEOUT)?;
    assert_eq!(*found.lock(), (0..100).map(|dropped| (100 - dropped, dropped as u64)).collect::<Vec<_>>());
    assert_eq!((heap.stats().drops_pending, heap.stats().drops_run), (0, 100));
    Ok(())
}

#[derive(Trace)]
struct Link {
    _token: Token,
    _next: Option<Root<Link>>,
}

/// One value after the other, each of which holds the next one: they are waited for as one.
#[test]
fn it_waits_for_a_chain_of_a_million() -> Tested {
    let heap = calm().build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    let mut chain = None;
    for _ in 0..scaled(1_000_000) {
        chain = Some(m.root(Link { _token: ledger.token(), _next: chain }));
    }
    m.alloc(Link { _token: ledger.token(), _next: chain });
    m.collect(Collect::Full);
    m.drain_drops(TIMEOUT)?;
    ledger.assert_all_once();
    assert_eq!(heap.stats().drops_run, scaled(1_000_000) + 1);
    Ok(())
}

/// Several threads drain while others collect: none waits for ever, and each finds dropped what it had let go of before.
#[test]
fn threads_drain_while_others_collect() -> Tested {
    let heap = calm().build()?;
    let threads: Vec<_> = (0..4)
        .map(|_| {
            heap.spawn(|m| {
                for round in 0..50 {
                    let ledger = Ledger::default();
                    for _ in 0..10 {
                        m.alloc(ledger.token());
                        let root = m.root((ledger.token(), [0_u64; 4]));
                        m.alloc((ledger.token(), root));
                    }
                    m.collect([Collect::Young, Collect::Full][round % 2]);
                    m.drain_drops(TIMEOUT).expect("none hangs");
                    ledger.assert_all_once();
                }
            })
        })
        .collect::<Result<_, _>>()?;
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(heap.stats().drops_pending, 0);
    Ok(())
}
