//! Contents that are bound to their thread: whatever becomes of the mutator that made them, they are dropped there.

use std::{
    cell::RefCell,
    marker::PhantomData,
    mem, panic,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    thread::ThreadId,
};

use gc_core::{Acyclic, Collect, Counted, CountedWeak, Mutator, Trace};
use gc_tests::heaps::calm;

/// Knows where it has to be dropped.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Home {
    thread: ThreadId,
    alive: Arc<AtomicUsize>,
}

impl Drop for Home {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.thread, "dropped elsewhere");
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Neither `Send` nor `Sync`, behind a trait object or not.
type Bound = (PhantomData<*mut ()>, Home, Option<Counted<Box<dyn Any>>>);

trait Any: Acyclic {}

impl<T: Acyclic> Any for T {}

fn bound(alive: &Arc<AtomicUsize>) -> Counted<Box<dyn Any>> {
    (0..50)
        .fold(None, |next, _| {
            alive.fetch_add(1, Ordering::Relaxed);
            let home = Home { thread: thread::current().id(), alive: alive.clone() };
            let bound: Bound = (PhantomData, home, next);
            Some(Counted::new(Box::new(bound) as Box<dyn Any>))
        })
        .unwrap()
}

thread_local! {
    static KEPT: RefCell<Vec<Counted<Box<dyn Any>>>> = const { RefCell::new(Vec::new()) };
    static WEAK: RefCell<Vec<CountedWeak<Box<dyn Any>>>> = const { RefCell::new(Vec::new()) };
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
}

fn keep(one: &Counted<Box<dyn Any>>) {
    KEPT.with_borrow_mut(|kept| kept.push(one.clone()));
    WEAK.with_borrow_mut(|weak| weak.push(Counted::downgrade(one)));
}

/// Runs on a thread of its own, while another one collects all the time.
fn on_a_thread(test: impl FnOnce(Mutator, &dyn Fn() -> Counted<Box<dyn Any>>) + Send + 'static) {
    let heap = calm().build().unwrap();
    let alive = Arc::new(AtomicUsize::new(0));
    let there = alive.clone();
    let within = heap.clone();
    let result = thread::spawn(move || {
        let m = within.attach().unwrap();
        drop(within);
        test(m, &|| bound(&there));
    })
    .join();
    drop(heap);
    assert!(result.is_ok());
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn dropped_at_home_in_blocked_and_at_safepoints() {
    on_a_thread(|mut m, make| {
        for _ in 0..20 {
            let one = make();
            let (two, within) = (one.clone(), m.blocked(make));
            m.blocked(|| drop(one));
            m.safepoint();
            m.collect(Collect::Full);
            m.blocked(|| drop((two.clone(), within.clone())));
            m.blocked(|| drop(two));
            drop(within);
            let one = make();
            let weak = Counted::downgrade(&one);
            m.blocked(|| drop(one));
            assert!(weak.upgrade().is_none());
        }
    });
}

#[test]
fn dropped_at_home_after_the_mutator() {
    on_a_thread(|m, make| {
        let (one, two) = (make(), make());
        let weak = Counted::downgrade(&two);
        let again = one.clone();
        drop(m);
        drop(one);
        drop(two);
        assert!(weak.upgrade().is_none());
        drop(again);
    });
}

#[test]
fn dropped_at_home_under_another_mutator() {
    on_a_thread(|m, make| {
        let one = make();
        let two = one.clone();
        drop(m);
        let other = calm().build().unwrap();
        let mut m = other.attach().unwrap();
        drop(one);
        m.safepoint();
        m.blocked(|| drop(two));
    });
}

#[test]
fn dropped_at_home_out_of_thread_locals() {
    for order in 0..6 {
        on_a_thread(move |m, make| {
            let one = make();
            let mut m = Some(m);
            for place in 0..3 {
                match (place + order) % 3 {
                    0 => MUTATOR.set(m.take().filter(|_| order < 3)),
                    1 => keep(&one),
                    _ => keep(&make()),
                }
            }
            drop(one);
        });
    }
}

#[test]
fn dropped_at_home_though_the_mutator_is_leaked() {
    on_a_thread(|m, make| {
        let one = make();
        keep(&one);
        mem::forget(m);
        drop(one);
        keep(&make());
        drop(make());
    });
}

#[test]
fn dropped_at_home_in_panics() {
    on_a_thread(|mut m, make| {
        let one = make();
        let two = one.clone();
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            let _three = make();
            m.blocked(|| {
                let _one = one;
                let _four = make();
                panic!("in blocked")
            })
        }));
        assert!(result.is_err());
        drop(two);
    });
}
