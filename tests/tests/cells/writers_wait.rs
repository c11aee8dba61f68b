//! Writers that wait among readers: readers that read again below their own guards, guards that are forgotten where a writer
//! waited, and the one mutator that is left afterwards.

use std::{
    mem,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use gc_core::{Collect, Gc, GcCell, Root};
use gc_tests::heaps::checked;

type Pair = Root<Gc<'static, GcCell<(u64, u64)>>>;

#[test]
fn readers_below_readers_and_writers_all_get_on() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cells: Vec<Pair> = (0..2).map(|_| m.root(m.alloc(GcCell::new((0_u64, 0_u64))))).collect();
    let rounds = if cfg!(debug_assertions) { 60 } else { 200 };
    m.blocked(|| {
        thread::scope(|scope| {
            let run = |id: usize| {
                let (heap, cells) = (&heap, &cells);
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    for round in 0..rounds {
                        {
                            let (one, other) = (cells[0].get(&m), cells[1].get(&m));
                            if id == 0 {
                                one.borrow_mut(&m).0 += 1;
                                thread::yield_now();
                                one.borrow_mut(&m).1 += 1;
                                let mut both = other.borrow_mut(&m);
                                *both = (both.0 + 1, both.1 + 1);
                            } else {
                                let outer = other.borrow(&m);
                                thread::yield_now();
                                let inner = other.borrow(&m);
                                assert_eq!((*outer, outer.0), (*inner, inner.1));
                                assert_eq!(other.get(&m), *outer);
                                let one = one.get(&m);
                                assert!(one.0 - one.1 <= 1, "{one:?}");
                            }
                        }
                        m.safepoint();
                        if round % 32 == id {
                            m.collect(Collect::Young);
                        }
                    }
                })
            };
            let threads: Vec<_> = (0..4).map(run).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
    assert_eq!(cells[0].get(&m).get(&m), (rounds as u64, rounds as u64));
    assert_eq!(cells[1].get(&m).get(&m), (rounds as u64, rounds as u64));
}

#[test]
fn who_is_left_where_a_writer_waited_finds_the_cell_free() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cell: Pair = m.root(m.alloc(GcCell::new((0_u64, 0_u64))));
    for round in 0..30_u64 {
        let (meet, waits) = (Barrier::new(2), AtomicBool::new(false));
        let other = thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                m.blocked(|| meet.wait());
                waits.store(true, Ordering::Release);
                let object = cell.get(&m);
                object.borrow_mut(&m).0 += 1;
                if round % 3 == 0 {
                    mem::forget(object.borrow(&m));
                }
            });
            m.blocked(|| meet.wait());
            {
                let object = cell.get(&m);
                let guard = object.borrow(&m);
                while !waits.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                // By the clock: turns of a busy machine can be longer than a writer waits.
                let long = Duration::from_millis(round % 4);
                let since = Instant::now();
                while since.elapsed() < long {
                    thread::yield_now();
                }
                // Below a guard of its own, with a writer waiting.
                assert_eq!(*object.borrow(&m), *guard);
            }
            m.blocked(|| other.join())
        });
        other.unwrap();
        if round % 3 == 0 {
            m.collect(Collect::Young);
        }
        let object = cell.get(&m);
        object.borrow_mut(&m).1 += 1;
        assert_eq!(object.get(&m), (round + 1, round + 1));
    }
}
