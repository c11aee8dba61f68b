//! Mutators on stacks that are exchanged: a thread runs one at a time, in whatever order its coroutines go on.

use std::rc::Rc;

use corosensei::{Coroutine, CoroutineResult, Yielder};
use gc_core::{Collect, Heap, Mutator};
use gc_tests::{heaps::checked, process::assert_aborts};

type Suspends = Coroutine<(), (), ()>;

/// A coroutine that attaches, and runs `body`.
fn coroutine(heap: &Heap, body: impl FnOnce(&mut Mutator, &Yielder<(), ()>) + 'static) -> Suspends {
    let heap = heap.clone();
    Coroutine::new(move |yielder, ()| body(&mut heap.attach().unwrap(), yielder))
}

fn resume(coroutine: &mut Suspends) -> bool {
    matches!(coroutine.resume(()), CoroutineResult::Yield(()))
}

#[test]
fn coroutines_take_turns_while_they_are_blocked() {
    let heap = checked().build().unwrap();
    let done = Rc::new(());
    let token = done.clone();
    let mut coroutine = coroutine(&heap, move |m, yielder| {
        m.frame(|m, [number]| {
            let _token = token;
            let number = number.keep(m, m.alloc(7_u64));
            for _ in 0..5 {
                m.blocked(|| yielder.suspend(()));
                m.collect(Collect::Young);
                assert_eq!(*number.get(m), 7);
            }
        });
    });
    while resume(&mut coroutine) {
        // The alias of the coroutine's mutator.
        heap.with(|m| m.collect(Collect::Full)).unwrap();
    }
    assert_eq!(Rc::strong_count(&done), 1);
}

/// The pointer of the one was moved by the other.
#[test]
fn a_coroutine_does_not_leave_blocked_while_another_mutator_runs() {
    assert_aborts(
        "coroutines::a_coroutine_does_not_leave_blocked_while_another_mutator_runs",
        "leaves `blocked` while",
        || {
            let heap = checked().build().unwrap();
            let mut coroutine = coroutine(&heap, |m, yielder| {
                m.blocked(|| yielder.suspend(()));
                m.collect(Collect::Promote);
                m.blocked(|| yielder.suspend(()));
            });
            assert!(resume(&mut coroutine));
            let read = heap.with(|m| {
                let number = m.alloc([7_u64; 64]);
                resume(&mut coroutine);
                number[5]
            });
            println!("{read:?}");
            std::process::exit(0);
        },
    );
}

/// A coroutine that is suspended while its mutator runs.
#[test]
fn a_thread_does_not_leave_blocked_while_a_coroutine_runs_its_mutator() {
    assert_aborts(
        "coroutines::a_thread_does_not_leave_blocked_while_a_coroutine_runs_its_mutator",
        "leaves `blocked` while",
        || {
            let [heap, other] = [(); 2].map(|()| checked().build().unwrap());
            let mut parked = other.attach().unwrap().park();
            let mut coroutine = coroutine(&heap, |m, yielder| {
                m.blocked(|| yielder.suspend(()));
                let number = m.alloc(7_u64);
                yielder.suspend(());
                assert_eq!(*number, 7);
            });
            assert!(resume(&mut coroutine));
            let _ = parked.with(|m| m.blocked(|| resume(&mut coroutine)));
            std::process::exit(0);
        },
    );
}

#[test]
fn a_coroutine_does_not_leave_a_frame_before_one_that_was_entered_later() {
    assert_aborts(
        "coroutines::a_coroutine_does_not_leave_a_frame_before_one_that_was_entered_later",
        "before one that was entered later",
        || {
            let heap = checked().build().unwrap();
            let mut coroutine =
                coroutine(&heap, |m, yielder| m.frame(|m, [_number]| m.blocked(|| yielder.suspend(()))));
            assert!(resume(&mut coroutine));
            let _ = heap.with(|m| m.frame(|m, [_number]| m.blocked(|| resume(&mut coroutine))));
            std::process::exit(0);
        },
    );
}
