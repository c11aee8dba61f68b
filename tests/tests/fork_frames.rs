//! Frames of roots in the child of a fork: those of the thread that forks go on, those of the others went with their stacks.
//! Alone in its process: only the thread that forks goes on in the child.

#![forbid(unsafe_code)]

use std::{
    hint::black_box,
    sync::{Barrier, mpsc},
    thread,
    time::Duration,
};

use gc_core::{Collect, Gc, Heap, Kept, Mutator};
use gc_tests::{forks::in_child, heaps::under};
use parking_lot::Mutex;

const OTHERS: usize = 8;

/// Collects in every way.
fn collect(m: &mut Mutator) {
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        m.alloc_slice_with(1000, |n| n);
        m.collect(generation);
    }
    m.compact();
}

/// Fills the stack of the thread with words that are no addresses of objects.
fn fill_stack(depth: usize) -> usize {
    let words = black_box([0x5EED_0000_usize + 8 * depth; 64]);
    if depth == 0 { words[0] } else { words[depth % 64] + fill_stack(depth - 1) }
}

/// Starts threads that use stacks anew, and collects while they are there and after them.
fn go_on(m: &mut Mutator) {
    for _ in 0..2 {
        let barrier = Barrier::new(OTHERS + 1);
        thread::scope(|scope| {
            for _ in 0..OTHERS {
                scope.spawn(|| {
                    black_box(fill_stack(200));
                    barrier.wait();
                    barrier.wait();
                });
            }
            m.blocked(|| barrier.wait());
            collect(m);
            m.blocked(|| barrier.wait());
        });
        collect(m);
    }
}

/// Enters some frames, and blocks in the last one.
fn wait_in_frames(m: &mut Mutator, depth: u64, wait: &mut dyn FnMut()) {
    if depth == 0 {
        return m.blocked(wait);
    }
    m.frame(|m, [number, text]| {
        let (number, text) = (number.keep(m, m.alloc(depth)), text.keep(m, m.alloc_str("kept")));
        wait_in_frames(m, depth - 1, wait);
        assert_eq!((*number.get(m), &*text.get(m)), (depth, "kept"));
    });
}

/// Forks, while other threads are blocked in frames and this one runs in one, or is blocked there.
fn fork_in(heap: &Heap, fork: impl Fn(&mut Mutator, Kept<'_, Gc<'static, u64>>)) {
    let (ready, all) = mpsc::channel();
    let end = Barrier::new(OTHERS + 1);
    thread::scope(|scope| {
        for _ in 0..OTHERS {
            let (ready, end) = (ready.clone(), &end);
            scope.spawn(move || {
                let mut m = heap.attach().unwrap();
                wait_in_frames(&mut m, 10, &mut || {
                    ready.send(()).unwrap();
                    end.wait();
                });
            });
        }
        (0..OTHERS).for_each(|_| all.recv().unwrap());
        let mut m = heap.attach().unwrap();
        for _ in 0..3 {
            m.frame(|m, [number]| {
                let number = number.keep(m, m.alloc(7_u64));
                fork(m, number);
                m.collect(Collect::Full);
                assert_eq!(*number.get(m), 7);
            });
            // The next time they are settled, then dormant.
            for _ in 0..3 {
                m.collect(Collect::Young);
            }
        }
        m.blocked(|| end.wait());
    });
}

fn heap() -> Heap {
    under("verify").idle_after(Duration::MAX).build().unwrap()
}

/// One test forks at a time.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn a_child_forgets_the_frames_of_other_threads() {
    let _turn = TURN.lock();
    fork_in(&heap(), |m, number| {
        let m = std::cell::RefCell::new(m);
        let child = || {
            let m = &mut *m.borrow_mut();
            go_on(m);
            assert_eq!(*number.get(m), 7);
        };
        in_child("running in a frame", child, |wait| m.borrow_mut().blocked(wait));
    });
}

/// The frames of a mutator that is blocked, too, on the thread that forks.
#[test]
fn a_child_comes_back_to_its_own_frames() {
    let _turn = TURN.lock();
    let heap = heap();
    fork_in(&heap, |m, number| {
        let child = |m: &mut Mutator| {
            go_on(m);
            assert_eq!(*number.get(m), 7);
        };
        let blocked = || {
            in_child("blocked in a frame", || heap.with(child).unwrap(), |wait| wait());
        };
        m.blocked(blocked);
    });
}
