//! A destructor that hangs costs itself: others go on, on further threads, and a warning names it.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use gc_core::{Collect, Event, Heap, Level, Mutator};
use gc_tests::{
    Tested,
    heaps::{TIMEOUT, calm, settle, wait_until},
    ledger::Ledger,
    runs::Runs,
};
use parking_lot::Mutex;

use super::Gate;

type Events = Arc<Mutex<Vec<Event>>>;

/// A heap whose destructors are slow after a few milliseconds, and its warnings.
fn impatient() -> Result<(Heap, Events), gc_core::BuildError> {
    let events = Events::default();
    let told = events.clone();
    let heap = calm()
        .slow_destructor(Duration::from_millis(5))
        .on_event(Level::Warning, move |event| told.lock().push(event.clone()))
        .build()?;
    Ok((heap, events))
}

fn slow_types(events: &Mutex<Vec<Event>>) -> Vec<&'static str> {
    let names = |event: &Event| match event {
        Event::DestructorSlow { type_name, .. } => Some(*type_name),
        _ => None,
    };
    events.lock().iter().filter_map(names).collect()
}

/// Makes dead values of one kind, of which the third hangs.
type Make = fn(&mut Mutator, &Gate, &Ledger);

fn moved(m: &mut Mutator, gate: &Gate, ledger: &Ledger) {
    for index in 0..100 {
        m.alloc((ledger.token(), (index == 2).then(|| gate.waits())));
    }
}

fn large(m: &mut Mutator, gate: &Gate, ledger: &Ledger) {
    for index in 0..100 {
        m.alloc((ledger.token(), [0_u64; 2000], (index == 2).then(|| gate.waits())));
    }
}

fn boxed(m: &mut Mutator, gate: &Gate, ledger: &Ledger) {
    let roots: Vec<_> = (0..100).map(|index| m.root((ledger.token(), (index == 2).then(|| gate.waits())))).collect();
    m.blocked(|| thread::spawn(move || drop(roots)).join()).expect("no panic");
}

/// Roots in the values before the one that hangs, and after it.
fn roots_in_objects(m: &mut Mutator, gate: &Gate, ledger: &Ledger) {
    for index in 0..50 {
        let root = m.root((ledger.token(), (index == 2).then(|| gate.waits())));
        m.alloc((ledger.token(), root));
    }
}

#[test]
fn a_destructor_that_hangs_costs_itself() -> Tested {
    let kinds: [(&str, Make); 4] = [("moved", moved), ("large", large), ("boxed", boxed), ("roots", roots_in_objects)];
    for (kind, make) in kinds {
        let (heap, events) = impatient()?;
        let (gate, ledger) = (Gate::default(), Ledger::default());
        let mut m = heap.attach()?;
        make(&mut m, &gate, &ledger);
        m.collect(Collect::Full);
        m.blocked(|| wait_until(kind, || heap.stats().drops_pending == 1));
        // What lies in the same object waits with it, or was dropped before.
        assert!((99..=100).contains(&ledger.dropped()), "{kind}: {}", ledger.dropped());
        assert_eq!((gate.waiting(), heap.stats().drops_run), (1, 99), "{kind}");
        wait_until("it is told", || !slow_types(&events).is_empty());
        let left = m.drain_drops(Duration::ZERO).expect_err("one hangs");
        assert_eq!(left.values, 1);
        // The heap works on.
        for _ in 0..10 {
            m.alloc(ledger.token());
            m.collect(Collect::Full);
            m.blocked(|| wait_until(kind, || heap.stats().drops_pending == 1));
        }
        gate.open();
        m.drain_drops(TIMEOUT)?;
        ledger.assert_all_once();
    }
    Ok(())
}

/// However many hang, no more than eight threads are started; what is behind them waits, and is dropped when one goes on.
#[test]
fn as_many_threads_are_held_up_as_there_may_be() -> Tested {
    const MOST: usize = 8;
    let (heap, events) = impatient()?;
    let (gate, ledger) = (Gate::default(), Ledger::default());
    let mut m = heap.attach()?;
    for _ in 0..20 {
        m.alloc(gate.waits());
    }
    m.collect(Collect::Young);
    m.blocked(|| wait_until("all threads hang", || slow_types(&events).len() == MOST));
    for _ in 0..100 {
        m.alloc(ledger.token());
    }
    m.collect(Collect::Young);
    // Told once, of the first twenty or of all.
    let behind = |event: &Event| match event {
        Event::DestructorsBehind { values, oldest, .. } => *values >= 20 && *oldest >= Duration::from_millis(50),
        _ => false,
    };
    m.blocked(|| wait_until("it is told that others wait", || events.lock().iter().any(behind)));
    assert_eq!((gate.waiting(), gate.most(), heap.stats().drops_pending, ledger.dropped()), (MOST, MOST, 120, 0));
    let told: Vec<_> = events
        .lock()
        .iter()
        .filter_map(|event| match event {
            Event::DestructorSlow { threads, most, .. } => Some((*threads, *most)),
            _ => None,
        })
        .collect();
    assert_eq!(told.last(), Some(&(MOST, MOST)));
    gate.open();
    m.drain_drops(TIMEOUT)?;
    ledger.assert_all_once();
    assert_eq!((gate.passed(), gate.most(), heap.stats().drops_run), (20, MOST, 120));
    Ok(())
}

/// A heap ends while a destructor hangs, of a value that was found dead before or that is left in the end: the thread that drops the last handle
/// goes on, the others are dropped, and the heap ends when the destructor returns.
#[test]
fn a_heap_ends_while_a_destructor_hangs() -> Tested {
    for found_before in [false, true] {
        let (heap, events) = impatient()?;
        let (gate, ledger) = (Gate::default(), Ledger::default());
        let mut m = heap.attach()?;
        m.alloc(gate.waits());
        if found_before {
            m.collect(Collect::Full);
        }
        let root = m.root(m.alloc((ledger.token(), [0_u64; 2000])));
        for _ in 0..100 {
            m.alloc(ledger.token());
        }
        drop((root, m));
        // Waits for no destructor that hangs.
        drop(heap);
        wait_until("the others are dropped", || ledger.dropped() == 101);
        let alone = |event: &Event| matches!(event, Event::EndsAlone { .. });
        wait_until("it is told", || events.lock().iter().any(alone));
        assert_eq!(gate.waiting(), 1);
        gate.open();
        wait_until("the one is dropped", || gate.passed() == 1);
        ledger.assert_all_once();
    }
    Ok(())
}

/// A destructor that panics after it has hung, and one that lets go of the last handle.
#[test]
fn a_destructor_that_hung_may_panic_and_end_its_heap() -> Tested {
    let (heap, events) = impatient()?;
    let (send, receive) = mpsc::channel::<()>();
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    let (receive, own) = (Mutex::new(receive), heap.clone());
    m.alloc(Runs::new(move || {
        let _ = receive.lock().recv();
        drop(own);
        panic!("on purpose");
    }));
    m.alloc(ledger.token());
    m.collect(Collect::Full);
    m.blocked(|| wait_until("the other is dropped", || ledger.dropped() == 1));
    wait_until("it is told", || !slow_types(&events).is_empty());
    let root = m.root(ledger.token());
    drop((m, heap));
    drop(root);
    send.send(())?;
    let panicked = |event: &Event| matches!(event, Event::DestructorPanicked { .. });
    wait_until("its panic is told", || events.lock().iter().any(panicked));
    wait_until("all are dropped", || ledger.dropped() == 2);
    ledger.assert_all_once();
    Ok(())
}

/// Threads that were started for others leave when they are not needed: values are dropped one after the other again.
#[test]
fn destructors_run_one_at_a_time_again() -> Tested {
    let (heap, _) = impatient()?;
    let gate = Gate::default();
    let mut m = heap.attach()?;
    for _ in 0..4 {
        m.alloc(gate.waits());
    }
    m.collect(Collect::Young);
    m.blocked(|| wait_until("four hang", || gate.waiting() == 4));
    gate.open();
    m.drain_drops(TIMEOUT)?;
    let threads: Arc<Mutex<Vec<_>>> = Arc::default();
    for _ in 0..10 {
        for _ in 0..10 {
            let threads = threads.clone();
            m.alloc(Runs::new(move || threads.lock().push(thread::current().id())));
        }
        m.collect(Collect::Young);
    }
    settle(&heap);
    assert_eq!(threads.lock().len(), 100);
    Ok(())
}
