//! Roots in the values of roots, mixed with counted objects, other heaps and panics.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

use gc_core::{Collect, Counted, Gc, Mutator, Root, Trace};
use gc_tests::{
    Tested,
    heaps::{calm, checked, settle, wait_until},
    ledger::{Ledger, Token},
    runs::Runs,
};

use super::is_acyclic;

/// A link of a chain of roots, counted objects and boxes in turn.
#[derive(Trace)]
enum Link {
    End(#[allow(dead_code, reason = "dropped")] Token),
    Root(#[allow(dead_code, reason = "dropped")] Token, #[allow(dead_code, reason = "dropped")] Root<Link>),
    Counted(#[allow(dead_code, reason = "dropped")] Counted<CountedLink>),
    Boxed(#[allow(dead_code, reason = "dropped")] Box<Link>),
}

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct CountedLink {
    #[trace(assume_acyclic)]
    link: Option<Box<Link>>,
    token: Token,
}

fn chain(m: &mut Mutator, ledger: &Ledger, length: usize) -> Root<Link> {
    let mut chain = m.root(Link::End(ledger.token()));
    for index in 1..length {
        let link = Link::Root(ledger.token(), chain);
        let link = match index % 3 {
            0 => link,
            1 => Link::Counted(Counted::new(CountedLink { link: Some(Box::new(link)), token: ledger.token() })),
            _ => Link::Boxed(Box::new(link)),
        };
        chain = m.root(link);
        if index % 1000 == 0 {
            m.safepoint();
        }
    }
    chain
}

/// Each of the two has a bound of its own on how deep it drops: together they must have one, too.
#[test]
fn a_chain_of_roots_and_counted_objects_takes_no_deep_stack() -> Tested {
    is_acyclic::<CountedLink>();
    let run = || -> Result<(), String> {
        let heap = calm().build().map_err(|error| error.to_string())?;
        let ledger = Ledger::default();
        let mut m = heap.attach().map_err(|error| error.to_string())?;
        drop(chain(&mut m, &ledger, 60_000));
        ledger.assert_all_once();
        let elsewhere = chain(&mut m, &ledger, 60_000);
        m.blocked(|| {
            thread::Builder::new()
                .stack_size(256 << 10)
                .spawn(move || drop(elsewhere))
                .map(|thread| thread.join().is_ok())
        })
        .map_err(|error| error.to_string())?;
        let in_an_object = chain(&mut m, &ledger, 60_000);
        m.alloc(Link::Root(ledger.token(), in_an_object));
        m.collect(Collect::Full);
        settle(&heap);
        ledger.assert_none_twice();
        Ok(())
    };
    let thread = thread::Builder::new().stack_size(512 << 10).spawn(run)?;
    Ok(thread.join().expect("the stack is enough")?)
}

/// A root of a root whose destructors panic, dropped while its thread unwinds, and by a thread that has no mutator.
#[test]
fn roots_whose_destructors_panic_go_while_a_thread_unwinds() -> Tested {
    type Nest = (Token, Runs, Option<Root<Nested>>);
    #[derive(Trace)]
    struct Nested(#[allow(dead_code, reason = "dropped")] Nest);
    let heap = checked().build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    for _ in 0..3 {
        let mut nested: Option<Root<Nested>> = None;
        for _ in 0..100 {
            nested = Some(m.root(Nested((ledger.token(), Runs::new(|| panic!("on purpose")), nested))));
        }
        let unwound = catch_unwind(AssertUnwindSafe(move || {
            let _nested = nested;
            panic!("and this one goes on");
        }));
        assert_eq!(unwound.expect_err("it panics").downcast_ref(), Some(&"and this one goes on"));
        m.collect(Collect::Young);
    }
    settle(&heap);
    ledger.assert_all_once();
    assert_eq!(heap.stats().drops_panicked, 300);
    Ok(())
}

/// The registry is busy when a job has put roots aside: a leader waits for a thread that reaches no safepoint. They go when it is
/// free, without another collection.
#[test]
fn roots_that_cannot_be_taken_out_at_once_go_later() -> Tested {
    #[derive(Trace)]
    struct Nested(
        #[allow(dead_code, reason = "dropped")] Token,
        #[allow(dead_code, reason = "dropped")] Option<Root<Nested>>,
    );
    let heap = calm().late_after(Duration::from_secs(60)).build()?;
    let ledger = Ledger::default();
    let (dropping, wait_dropping) = mpsc::channel();
    let (stopping, wait_stopping) = mpsc::channel::<()>();
    let mut m = heap.attach()?;
    let mut nested: Option<Root<Nested>> = None;
    for _ in 0..10 {
        nested = Some(m.root(Nested(ledger.token(), nested)));
    }
    let (dropping, wait_stopping) = (parking_lot::Mutex::new(dropping), parking_lot::Mutex::new(wait_stopping));
    m.alloc((
        Runs::new(move || {
            dropping.lock().send(()).expect("somebody waits");
            wait_stopping.lock().recv().expect("somebody sends");
        }),
        Nested(ledger.token(), nested),
    ));
    let there = heap.clone();
    // Collects, and waits for the destructor.
    let collector = thread::spawn(move || there.attach().expect("a free thread").collect(Collect::Full));
    while wait_dropping.try_recv().is_err() {
        m.safepoint();
    }
    // Leads a stop, which waits for us, who run.
    let there = heap.clone();
    let leader = thread::spawn(move || there.attach().map(|mut m| m.collect(Collect::Young)));
    let kept = m.alloc(7_u64);
    while !m.safepoint_pending() {
        thread::yield_now();
    }
    stopping.send(())?;
    wait_until("the object is dropped", || (heap.stats().drops_run, heap.stats().drops_pending) == (1, 1));
    assert_eq!((*kept, ledger.dropped()), (7, 1));
    m.blocked(|| (leader.join().is_ok(), collector.join().is_ok()));
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}

/// What goes with a root may use the mutator: it makes, clones, sets and drops roots of the table that it goes from, deep in a chain.
#[test]
fn destructors_in_a_chain_use_the_table_that_they_go_from() -> Tested {
    use std::cell::RefCell;
    thread_local! { static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) }; }
    #[derive(Trace)]
    struct Nested(
        #[allow(dead_code, reason = "dropped")] Runs,
        #[allow(dead_code, reason = "dropped")] Option<Root<Nested>>,
    );
    let heap = checked().build()?;
    let ledger = Ledger::default();
    let numbers = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
    let mut chain: Option<Root<Nested>> = None;
    MUTATOR.set(Some(heap.attach()?));
    for index in 0..200_u64 {
        let (token, numbers) = (ledger.token(), numbers.clone());
        let runs = Runs::new(move || {
            MUTATOR.with_borrow_mut(|m| {
                let m = m.as_mut().expect("attached");
                let mut kept = m.root((m.alloc(index), token));
                let more: Vec<Root<Vec<Gc<u64>>>> = (0..5_u64).map(|n| m.root(vec![m.alloc(n)])).collect();
                if index % 10 == 0 {
                    m.collect(if index % 50 == 0 { Collect::Full } else { Collect::Young });
                }
                let copies: Vec<_> = more.iter().map(|root| root.clone_in(m)).collect();
                drop(more);
                kept.get_mut(m).0 = m.alloc(index + 1);
                m.safepoint();
                assert!(copies.iter().enumerate().all(|(n, root)| *root.borrow(m)[0] == n as u64));
                numbers.lock().push(*kept.borrow(m).0);
            });
        });
        chain = MUTATOR.with_borrow(|m| m.as_ref().map(|m| m.root(Nested(runs, chain.take()))));
    }
    drop(chain);
    let mut numbers = numbers.lock().clone();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    MUTATOR.take();
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}
