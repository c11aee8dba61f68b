//! A thread that entered `blocked` gave up waiting for one that did not poll, and from then on every entry and exit took the
//! request for answered: threads with no safepoints but those of `blocked` never collected again.

use std::{sync::mpsc, thread, time::Duration};

use gc_core::{Heap, Mutator, Stats, blocking};
use gc_tests::heaps::{calm, wait_until};

fn collections(stats: &Stats) -> u64 {
    stats.collections.total()
}

/// Allocates until a collection is due.
fn use_up(m: &Mutator) {
    while !m.safepoint_pending() {
        m.alloc([0_u64; 20]);
    }
}

/// A thread on which `m` gives up: it has a mutator and does not poll before `end` is dropped. Then it runs `then`.
fn busy(
    heap: &Heap,
    m: &mut Mutator,
    then: impl FnOnce(Mutator) + Send + 'static,
) -> (mpsc::Sender<()>, thread::JoinHandle<()>) {
    let (attached, is_attached) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let there = heap.clone();
    let slow = thread::spawn(move || {
        let m = there.attach().unwrap();
        attached.send(()).unwrap();
        let _ = ends.recv(); // runs, and does not poll
        then(m);
    });
    blocking::recv(m, &is_attached).unwrap();
    use_up(m);
    m.blocked(|| ());
    assert_eq!(collections(&heap.stats()), 0, "it gave up");
    (end, slow)
}

#[test]
fn the_one_who_was_waited_for_collects_when_it_blocks() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (over, is_over) = mpsc::channel::<()>();
    let (end, slow) = busy(&heap, &mut m, move |mut m| {
        let _ = blocking::recv(&mut m, &is_over);
    });
    m.blocked(|| {
        drop(end);
        wait_until("the slow one has collected, or the heap", || collections(&heap.stats()) > 0);
    });
    drop(over);
    blocking::join(&mut m, slow).unwrap();
}

#[test]
fn the_one_who_was_waited_for_collects_when_it_ends() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (end, slow) = busy(&heap, &mut m, drop);
    m.blocked(|| {
        drop(end);
        wait_until("the slow one has collected, or the heap", || collections(&heap.stats()) > 0);
    });
    blocking::join(&mut m, slow).unwrap();
}

/// Two threads that have no safepoints but those of `blocked`, one of which computed for long, once.
#[test]
fn threads_that_only_block_go_on_collecting_after_one_gave_up() {
    let heap = calm().hard_limit(256 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let rounds = |m: &mut Mutator| {
        for n in 0..2000_usize {
            m.alloc_slice_with(4000, |i| (i + n) as u64);
            m.blocked(|| {
                if n.is_multiple_of(100) {
                    thread::sleep(Duration::from_micros(50))
                }
            });
        }
    };
    let (end, slow) = busy(&heap, &mut m, move |mut m| rounds(&mut m));
    drop(end);
    rounds(&mut m);
    blocking::join(&mut m, slow).unwrap();
    let stats = heap.stats();
    assert!(collections(&stats) > 2, "{:?}", stats.collections);
    assert!(stats.memory_peak < 64 << 20, "{} MiB", stats.memory_peak >> 20);
}
