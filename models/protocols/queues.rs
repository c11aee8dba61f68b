//! The queues of a heap, against threads that take from them and close them: `registered::queues`.
//!
//! - What is put in is taken out once, by a thread that takes it, the one that closes the queue, or one that takes the orphans
//!   ([queues.once]).
//! - An orphan is taken by the thread that has told it and looks afterwards, or by another ([queues.orphans]).
//! - A pair of a weak table that waits has a removal that is due, and takes it ([queues.entries]).
//! - A thread that waits is woken when something comes, when nothing will, and when it is to stop.

use core::{
    ptr::{self, NonNull},
    sync::atomic::Ordering,
    time::Duration,
};

use crate::{
    Arc, check,
    memory::{AddressMap, OLD},
    must_fail,
    registered::{Generations, Nothing, Notice, Queues, Removals},
    space::large::RunTable,
    sync::{atomic::AtomicBool, mutant},
    thread,
};

fn notice(number: u32) -> Notice {
    Box::new(number)
}

fn numbers(notices: impl IntoIterator<Item = Notice>) -> Vec<u32> {
    notices.into_iter().map(|notice| *notice.downcast().unwrap()).collect()
}

fn a_queue_is_closed() {
    check(|| {
        let queues = Arc::new(Queues::new());
        let id = queues.open_news();
        let collector = {
            let queues = queues.clone();
            thread::spawn(move || {
                queues.tell(id, notice(1));
                queues.tell(id, notice(2));
                numbers(queues.take_orphans())
            })
        };
        let mut taken = numbers(queues.take_news(id, Duration::ZERO));
        taken.extend(numbers(queues.close(id)));
        taken.extend(collector.join().unwrap());
        assert_eq!(taken, [1, 2], "news are lost, or come twice or out of order");
        assert_eq!(queues.waiting(), 0, "the figure is wrong");
    });
}

/// A removal takes what waits, while another pair is handed over.
fn entries_are_removed() {
    check(|| {
        let queues = Arc::new(Queues::new());
        queues.remove_entries_by(|| notice(0));
        let hand_over = |queues: &Queues, pair| {
            queues.hand_over_entries(vec![pair], Generations { map: AddressMap::new(), runs: &RunTable });
            queues.make_removal(Removals::All).is_some()
        };
        let pair = |number: usize| NonNull::new(ptr::without_provenance_mut(OLD + 16 * number)).unwrap();
        assert!(hand_over(&queues, pair(1)));
        let remove = |queues: &Queues| {
            queues.begin_removal();
            core::iter::from_fn(|| queues.take_entry()).map(|taken| queues.has_removed(taken)).count()
        };
        let removal = {
            let queues = queues.clone();
            thread::spawn(move || remove(&queues))
        };
        let is_due = hand_over(&queues, pair(2));
        let mut removed = removal.join().unwrap();
        if is_due {
            removed += remove(&queues);
        }
        assert_eq!(removed, 2, "an entry waits for nothing, or is removed twice");
    });
}

fn orphans() {
    check(|| {
        let queues = Arc::new(Queues::new());
        let id = queues.open_news();
        queues.close(id);
        let tell = move |queues: &Queues, number| {
            queues.tell(id, notice(number));
            numbers(queues.take_orphans())
        };
        let other = {
            let queues = queues.clone();
            thread::spawn(move || tell(&queues, 1))
        };
        let mut taken = tell(&queues, 2);
        taken.extend(other.join().unwrap());
        taken.sort_unstable();
        assert_eq!(taken, [1, 2], "an orphan is left, or taken twice");
    });
}

fn two_wait() {
    check(|| {
        let queues = Arc::new(Queues::new());
        let id = queues.open_news();
        let wait = move |queues: &Queues| numbers(queues.take_news(id, Duration::MAX));
        let other = {
            let queues = queues.clone();
            thread::spawn(move || wait(&queues))
        };
        let collector = {
            let queues = queues.clone();
            thread::spawn(move || {
                (1..=2).for_each(|number| queues.tell(id, notice(number)));
                queues.announce();
            })
        };
        let mut taken = wait(&queues);
        taken.extend(other.join().unwrap());
        collector.join().unwrap();
        taken.sort_unstable();
        assert_eq!(taken, [1, 2], "news are lost, or come twice");
    });
}

fn the_heap_ends() {
    check(|| {
        let queues = Arc::new(Queues::new());
        let id = queues.open_news();
        let heap = {
            let queues = queues.clone();
            thread::spawn(move || {
                queues.tell(id, notice(1));
                queues.end();
            })
        };
        assert_eq!(numbers(queues.take_news(id, Duration::MAX)), [1], "the last news are lost");
        assert_eq!(queues.take_news(id, Duration::MAX).err(), Some(Nothing::Ended));
        heap.join().unwrap();
    });
}

fn a_wait_is_stopped() {
    check(|| {
        let shared = Arc::new((Queues::new(), AtomicBool::new(false)));
        let id = shared.0.open_news();
        let waits = {
            let shared = shared.clone();
            thread::spawn(move || {
                let (queues, stop) = &*shared;
                queues.wait_for_news_or(id, || stop.load(Ordering::Relaxed))
            })
        };
        let (queues, stop) = &*shared;
        stop.store(true, Ordering::Relaxed);
        queues.wake();
        assert!(!waits.join().unwrap(), "news came that nobody told");
    });
}

fn objects() {
    check(|| {
        let queues = Arc::new(Queues::new());
        let id = queues.open_objects();
        let object = |number: usize| NonNull::new(ptr::without_provenance_mut(OLD + 16 * number)).unwrap();
        let collector = {
            let queues = queues.clone();
            thread::spawn(move || {
                let generations = Generations { map: AddressMap::new(), runs: &RunTable };
                (0..2).for_each(|number| queues.hand_over(id, object(number), generations));
                queues.announce();
            })
        };
        let take = move |queues: &Queues| {
            loop {
                queues.wait_for_object(id, Duration::MAX).unwrap();
                if let Some(object) = queues.take_object(id) {
                    return object.addr().get();
                }
            }
        };
        let other = {
            let queues = queues.clone();
            thread::spawn(move || take(&queues))
        };
        let mut taken = [take(&queues), other.join().unwrap()];
        collector.join().unwrap();
        taken.sort_unstable();
        assert_eq!(taken, [0, 1].map(|number| object(number).addr().get()), "an object is lost, or taken twice");
        assert_eq!(queues.waiting(), 0, "the figure is wrong");
    });
}

#[test]
fn what_a_closed_queue_is_told_is_an_orphan() {
    a_queue_is_closed();
}

#[test]
fn no_orphan_is_left() {
    orphans();
}

#[test]
fn each_thread_that_waits_gets_news() {
    two_wait();
}

#[test]
fn the_end_of_a_heap_ends_a_wait() {
    the_heap_ends();
}

#[test]
fn a_thread_that_waits_can_be_stopped() {
    a_wait_is_stopped();
}

#[test]
fn each_object_is_taken_once() {
    objects();
}

#[test]
fn no_dead_entry_waits_for_nothing() {
    entries_are_removed();
}

#[test]
fn mutant_a_removal_that_begins_late_is_found() {
    must_fail("queues::mutant_a_removal_that_begins_late_is_found", mutant::REMOVAL_BEGINS_LATE, entries_are_removed);
}

#[test]
fn mutant_a_closed_queue_that_is_told_is_found() {
    let name = "queues::mutant_a_closed_queue_that_is_told_is_found";
    must_fail(name, mutant::CLOSED_QUEUE_IS_TOLD, a_queue_is_closed);
}

#[test]
fn mutant_overlooked_orphans_are_found() {
    must_fail("queues::mutant_overlooked_orphans_are_found", mutant::ORPHANS_ARE_OVERLOOKED, orphans);
}

#[test]
fn mutant_news_that_wake_nobody_are_found() {
    must_fail("queues::mutant_news_that_wake_nobody_are_found", mutant::NEWS_WAKE_NOBODY, two_wait);
}

#[test]
fn mutant_an_end_that_leaves_threads_waiting_is_found() {
    let name = "queues::mutant_an_end_that_leaves_threads_waiting_is_found";
    must_fail(name, mutant::END_LEAVES_THREADS_WAITING, the_heap_ends);
}

#[test]
fn mutant_a_wake_beside_the_lock_is_found() {
    must_fail("queues::mutant_a_wake_beside_the_lock_is_found", mutant::WAKE_BESIDE_THE_LOCK, a_wait_is_stopped);
}
