//! Attacks on the mutator that `Heap::with` lends: it is moved out, dropped, parked, exchanged, forgotten and kept.

use std::{
    cell::{Cell, RefCell},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    process::exit,
    thread,
};

use gc_core::{AttachError, Collect, EnterError, Gc, Heap, Mutator, Parked, Root};
use gc_tests::{
    heaps::{calm, checked},
    process::assert_exits,
};
use replace_with::replace_with_or_abort;

/// A crate that moves values out of references gives the mutator by value. What it then may be put back is only itself.
#[test]
fn a_lent_mutator_that_is_moved_out_comes_back() {
    let (one, other) = (checked().build().unwrap(), checked().build().unwrap());
    let parked = Cell::new(Some(other.attach().unwrap().park()));
    let root = one
        .with(|m| {
            let root = m.root(m.alloc(7_u64));
            replace_with_or_abort(m, |m| {
                assert_eq!(one.attach().map(drop), Err(AttachError::AlreadyAttached));
                assert_eq!(other.attach().map(drop), Err(AttachError::AlreadyAttached));
                assert_eq!(other.with(|_| ()), Err(EnterError::Running));
                let refused = parked.take().unwrap().enter().unwrap_err();
                assert_eq!(refused.error, EnterError::Running);
                parked.set(Some(refused.parked));
                let mut boxed = Box::new(m);
                boxed.collect(Collect::Full);
                assert_eq!(*root.get(&boxed), 7);
                boxed.blocked(|| {
                    assert_eq!(one.attach().map(drop), Err(AttachError::AlreadyAttached));
                    let refused = parked.take().unwrap().enter().unwrap_err();
                    assert_eq!(refused.error, EnterError::Inside);
                    parked.set(Some(refused.parked));
                    other.with(|m| replace_with_or_abort(m, |m| m)).unwrap();
                    // The same mutator again, below itself.
                    one.with(|m| {
                        replace_with_or_abort(m, |m| {
                            let m = [m];
                            m.into_iter().next().unwrap()
                        })
                    })
                    .unwrap();
                });
                *boxed
            });
            m.collect(Collect::Young);
            root
        })
        .unwrap();
    assert_eq!(one.with(|m| *root.get(m)), Ok(7));
    drop(parked);
}

#[test]
fn a_parked_mutator_that_is_lent_may_not_be_exchanged_either() {
    let (one, other) = (checked().build().unwrap(), checked().build().unwrap());
    let mut first = one.attach().unwrap().park();
    let mut second = other.attach().unwrap().park();
    let root = first.with(|m| m.root(m.alloc(1_u64))).unwrap();
    first
        .with(|a| {
            assert_eq!(second.with(|_| ()), Err(EnterError::Running));
            a.blocked(|| second.with(|b| b.alloc_str("inside").len())).unwrap();
        })
        .unwrap();
    // The handles themselves may be exchanged: they go with their own heaps.
    mem::swap(&mut first, &mut second);
    assert!(first.with(|m| m.heap().ptr_eq(&other)).unwrap());
    assert_eq!(second.with(|m| *root.get(m)), Ok(1));
    drop(mem::replace(&mut first, second));
    assert_eq!(first.with(|m| *root.get(m)), Ok(1));
}

/// A `Parked` is dropped where another mutator of its thread is lent, blocked or runs.
#[test]
fn a_parked_mutator_is_dropped_inside_of_another() {
    let (one, other) = (checked().build().unwrap(), checked().build().unwrap());
    for round in 0..12_u64 {
        let parked = [&one, &other][round as usize % 2].attach().unwrap().park();
        let root = one
            .with(|m| {
                let root = m.root(m.alloc(round));
                if round % 3 == 0 {
                    m.blocked(|| drop(parked));
                } else {
                    drop(parked);
                }
                m.collect(Collect::Young);
                assert_eq!(*root.get(m), round);
                assert_eq!(other.attach().map(drop), Err(AttachError::AlreadyAttached));
                root
            })
            .unwrap();
        assert_eq!(one.with(|m| *root.get(m)), Ok(round));
    }
}

/// What is lent is forgotten, leaked and unwound through in ways that leave the frame in order.
#[test]
fn references_to_a_lent_mutator_are_forgotten() {
    let heap = checked().build().unwrap();
    for round in 0..10_u64 {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            heap.with(|m| {
                let lent: &mut &mut Mutator = Box::leak(Box::new(m));
                let leaked: &mut Mutator = lent;
                mem::forget(leaked.root(leaked.alloc([round; 4])));
                let inner: &Mutator = leaked;
                let _ = Box::leak(Box::new(inner.alloc(round)));
                if round % 2 == 0 {
                    panic!("on purpose");
                }
            })
        }));
        assert_eq!(unwound.is_err(), round % 2 == 0);
        thread::scope(|scope| {
            scope.spawn(|| heap.attach().unwrap().collect(Collect::Full));
        });
    }
    // Ten forgotten roots keep the heap for ever, and the mutator that made them does not hold it up.
    heap.with(|m| m.collect(Collect::Full)).unwrap();
    assert_eq!(heap.stats().old_objects, 10);
}

thread_local! {
    static STASH: RefCell<Option<Mutator>> = const { RefCell::new(None) };
    static ASIDE: RefCell<Option<Parked>> = const { RefCell::new(None) };
    static ROOT: RefCell<Option<Root<Gc<'static, u64>>>> = const { RefCell::new(None) };
    static AGAIN: Again = const { Again(RefCell::new(None)) };
}

/// Enters when its thread exits, out of the middle of a `with`.
struct Again(RefCell<Option<Heap>>);

impl Drop for Again {
    fn drop(&mut self) {
        if let Some(heap) = self.0.take() {
            let _ = heap.with(|m| *m.alloc(1));
            let _ = heap.attach().map(|mut m| m.collect(Collect::Young));
        }
    }
}

const PLACES: [&str; 8] = ["stash", "drop", "park", "forget", "nested", "parked", "own", "blocked"];

/// Moves a lent mutator out and never puts one back, in a process that exits then and there.
fn child(place: &str) {
    let (heap, other) = (calm().build().unwrap(), calm().build().unwrap());
    AGAIN.with(|again| again.0.replace(Some(heap.clone())));
    STASH.with_borrow(|_| ());
    for _ in 0..2 {
        let there = heap.clone();
        thread::spawn(move || {
            loop {
                there.with(|m| m.alloc([1_u64; 20]).len()).unwrap();
                there.attach().unwrap().collect(Collect::Young);
            }
        });
    }
    let take = |m: &mut Mutator| {
        ROOT.set(Some(m.root(m.alloc(1_u64))));
        replace_with_or_abort(m, |mut m| match place {
            "stash" => {
                m.collect(Collect::Young);
                STASH.set(Some(m));
                STASH.with_borrow_mut(|m| m.as_mut().unwrap().collect(Collect::Young));
                exit(7)
            }
            "drop" => {
                drop(m);
                assert_eq!(heap.attach().map(drop), Err(AttachError::AlreadyAttached));
                assert_eq!(other.with(|_| ()), Err(EnterError::Running));
                exit(7)
            }
            "park" => {
                assert!(catch_unwind(AssertUnwindSafe(|| ASIDE.set(Some(m.park())))).is_err());
                assert_eq!(heap.attach().map(drop), Err(AttachError::AlreadyAttached));
                exit(7)
            }
            "forget" => {
                mem::forget(m);
                exit(7)
            }
            "nested" => m
                .blocked(|| {
                    other.with(|b| {
                        replace_with_or_abort(b, |b| {
                            STASH.set(Some(b));
                            exit(7)
                        })
                    })
                })
                .map_or_else(|_| exit(1), |()| exit(1)),
            _ => m.blocked(|| exit(7)),
        });
    };
    match place {
        "parked" => {
            ASIDE.set(Some(heap.attach().unwrap().park()));
            ASIDE.with_borrow_mut(|parked| parked.as_mut().unwrap().with(|_| exit(7))).unwrap();
        }
        "own" => {
            STASH.set(Some(heap.attach().unwrap()));
            STASH.with_borrow_mut(|m| m.as_mut().unwrap().blocked(|| heap.with(|_| exit(7)))).unwrap();
        }
        _ => heap.with(take).unwrap(),
    }
}

#[test]
fn a_process_exits_while_a_mutator_is_lent() {
    if let Ok(place) = std::env::var("GC_TESTS_LENT_PLACE") {
        child(&place);
        unreachable!("the child goes on");
    }
    for place in PLACES {
        assert_exits("lent::a_process_exits_while_a_mutator_is_lent", "GC_TESTS_LENT_PLACE", place);
    }
}
