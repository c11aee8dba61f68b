//! What waits for an owner that does not reach a safepoint: it is counted, it is told of, and there is no more of it than the owner had.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use gc_core::{Counted, Event, HeapBuilder, Level, Trace};
use gc_tests::{
    heaps::{calm, settle},
    sizes::scaled,
};
use parking_lot::Mutex;

/// From how many on an owner owns nothing that it makes, as the documentation of `Event::CountedBehind` says.
const FULL: usize = 16_384;

/// A value that is counted while it is there.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct There(Arc<AtomicUsize>);

impl There {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(alive.clone())
    }
}

impl Drop for There {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Drops it on another thread, to the end.
fn drop_elsewhere<T: Send + 'static>(value: T) {
    thread::spawn(move || drop(value)).join().unwrap();
}

type Told = Arc<Mutex<Vec<(String, usize)>>>;

/// A heap, and what it tells of owners that are behind.
fn told() -> (HeapBuilder, Told) {
    let told = Told::default();
    let there = told.clone();
    let builder = calm().on_event(Level::Warning, move |event| {
        if let Event::CountedBehind { thread, objects, .. } = event {
            there.lock().push((thread.clone(), *objects));
        }
    });
    (builder, told)
}

/// Passes so many objects to another thread that drops them, and reaches no safepoint. Returns the most that were there at a time.
fn stream(objects: u64, alive: &Arc<AtomicUsize>) -> usize {
    let (send, receive) = mpsc::sync_channel::<Counted<There>>(64);
    let dropping = thread::spawn(move || receive.iter().for_each(drop));
    let mut most = 0;
    for _ in 0..objects {
        send.send(Counted::new(There::new(alive))).unwrap();
        most = most.max(alive.load(Ordering::Relaxed));
    }
    drop(send);
    dropping.join().unwrap();
    most
}

#[test]
fn an_owner_that_never_reaches_a_safepoint_keeps_a_bounded_number() {
    let (builder, told) = told();
    let heap = builder.build().unwrap();
    let mut m = heap.attach().unwrap();
    for round in 0..3 {
        let alive = Arc::default();
        let most = stream(100_000, &alive);
        // Those in the channel, and some that were made while the last one of them came to wait.
        assert!(most <= FULL + 200, "round {round}: {most} were there at a time");
        let waiting = heap.stats().counted_waiting;
        assert!((FULL..=FULL + 200).contains(&waiting), "round {round}: {waiting} wait");
        assert_eq!(alive.load(Ordering::Relaxed), waiting, "round {round}");
        m.safepoint();
        assert_eq!(heap.stats().counted_waiting, 0);
        settle(&heap);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    }
    drop(m);
    drop(heap);
    // Not again each time.
    assert_eq!(told.lock().iter().map(|told| told.1).collect::<Vec<_>>(), [FULL]);
}

/// The same for a mutator that was leaked, whose thread goes on.
#[test]
fn a_leaked_mutator_keeps_a_bounded_number() {
    thread::spawn(|| {
        let heap = calm().on_event(Level::Warning, |_| ()).build().unwrap();
        mem::forget(heap.attach().unwrap());
        let alive = Arc::default();
        let most = stream(100_000, &alive);
        assert!(most <= FULL + 200, "{most} were there at a time");
        assert_eq!(alive.load(Ordering::Relaxed), heap.stats().counted_waiting);
    })
    .join()
    .unwrap();
}

/// Objects that it had before wait, all of them, and are counted one by one.
#[test]
fn what_waits_is_counted_and_told_of() {
    let (builder, told) = told();
    let heap = builder.build().unwrap();
    let owner = thread::Builder::new().name("owner".into()).spawn({
        let heap = heap.clone();
        move || {
            let mut m = heap.attach().unwrap();
            let alive: Arc<AtomicUsize> = Arc::default();
            let objects: Vec<_> = (0..5 * FULL).map(|_| Counted::new(There::new(&alive))).collect();
            let kept: Vec<_> = objects.iter().step_by(2).cloned().collect();
            let mut objects = objects.into_iter();
            for done in (0..5 * FULL).step_by(FULL / 4) {
                assert_eq!(heap.stats().counted_waiting, done);
                drop_elsewhere(objects.by_ref().take(FULL / 4).collect::<Vec<_>>());
            }
            assert_eq!(heap.stats().counted_waiting, 5 * FULL);
            assert_eq!(alive.load(Ordering::Relaxed), 5 * FULL);
            m.safepoint();
            assert_eq!(heap.stats().counted_waiting, 0);
            settle(&heap);
            assert_eq!(alive.load(Ordering::Relaxed), kept.len());
            drop(kept);
            assert_eq!(alive.load(Ordering::Relaxed), 0);
        }
    });
    owner.unwrap().join().unwrap();
    drop(heap);
    let told = mem::take(&mut *told.lock());
    assert_eq!(told.iter().map(|told| told.1).collect::<Vec<_>>(), [FULL, 2 * FULL, 4 * FULL]);
    assert!(told.iter().all(|told| told.0.starts_with("thread `owner`")), "{told:?}");
}

/// Objects go from those that wait to those to be dropped, and their destructors have further ones wait. No figures say that there is
/// neither.
#[test]
fn what_goes_on_is_in_the_figures() {
    #[derive(Trace)]
    #[trace(acyclic)]
    struct Link(#[allow(dead_code, reason = "it is dropped")] Option<Counted<Link>>, There);
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let alive = Arc::default();
    for chain in 0..scaled(1000) {
        let head = (0..8).fold(None, |below, _| Some(Counted::new(Link(below, There::new(&alive)))));
        drop_elsewhere(head);
        loop {
            m.safepoint();
            let stats = heap.stats();
            if stats.counted_waiting == 0 && stats.drops_pending == 0 {
                assert_eq!(alive.load(Ordering::Relaxed), 0, "chain {chain}");
                break;
            }
        }
    }
}

/// The thread that drops them leaves when nothing waits, and the background thread would look again after an hour.
#[test]
fn what_dies_later_is_dropped_at_once() {
    let heap = calm().slow_destructor(Duration::from_secs(3600)).build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..20 {
        let alive = Arc::default();
        drop_elsewhere(Counted::new(There::new(&alive)));
        m.safepoint();
        settle(&heap);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    }
}
