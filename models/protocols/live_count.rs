//! Roots that are dropped on any thread, against an owner that detaches, a collector that frees the table, and the last user of the heap,
//! after whom no collection comes: `roots::live_count`.
//!
//! `Heap::touch` stands for what the thread that drops the last root does with the table, and for freeing it.

use crate::{
    Arc, Heap, check,
    roots::live_count::{LiveCount, Subtracted},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

struct Table {
    live: LiveCount,
    memory: Heap,
}

fn last(table: &Table, subtracted: Subtracted) -> bool {
    if subtracted == Subtracted::Last {
        table.memory.touch();
        table.live.release();
    }
    subtracted == Subtracted::Last
}

fn drops_and_detaching() {
    check(|| {
        let table = Arc::new(Table { live: LiveCount::attached(), memory: Heap::new() });
        // The owner has made two roots and given both to other threads.
        let threads = [(); 2].map(|()| {
            let there = table.clone();
            thread::spawn(move || {
                there.memory.look();
                last(&there, there.live.drop_one())
            })
        });
        let mut lasts = usize::from(last(&table, table.live.orphan(2)));
        // The collector looks now and then.
        if table.live.is_released() {
            table.memory.touch();
        }
        for thread in threads {
            lasts += usize::from(thread.join().unwrap());
        }
        assert_eq!(lasts, 1);
        assert!(table.live.is_released());
    });
}

#[test]
fn exactly_one_ends_the_table_and_nobody_touches_it_afterwards() {
    drops_and_detaching();
}

/// Roots, whose values are dropped by the threads that find them.
struct Unattended {
    live: LiveCount,
    /// How many roots were dropped and not found.
    words: AtomicU64,
    registry: Mutex<()>,
    found: AtomicU64,
}

impl Unattended {
    /// As a scan: with the registry locked.
    fn scan(&self) {
        self.found.fetch_add(self.words.swap(0, Ordering::Acquire), Ordering::Relaxed);
    }

    fn drop_root(&self) {
        // A store in the collector: each root has a word of its own.
        self.words.fetch_add(1, Ordering::Release);
        let unattended = self.live.is_unattended_after_drop();
        let _ = self.live.drop_one();
        if unattended {
            let _registry = self.registry.lock();
            self.scan();
        }
    }
}

/// Two roots are dropped while the last user goes, with another root in their values that would keep the heap.
fn last_user() {
    check(|| {
        let (live, registry) = (LiveCount::attached(), Mutex::new(()));
        // Of the owner, which has detached.
        let _ = live.orphan(3);
        let table = Arc::new(Unattended { live, words: AtomicU64::new(0), registry, found: AtomicU64::new(0) });
        let threads = [(); 2].map(|()| {
            let there = table.clone();
            thread::spawn(move || there.drop_root())
        });
        let registry = table.registry.lock();
        table.live.leave_unattended();
        table.scan();
        drop(registry);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(table.found.load(Ordering::Relaxed), 2, "a value is found by nobody");
        assert_eq!(table.live.drop_one(), Subtracted::Last);
    });
}

#[test]
fn what_is_dropped_as_the_last_user_goes_is_found() {
    last_user();
}

#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_look_for_users_by_loading_is_found() {
    crate::must_fail(
        "live_count::mutant_a_look_for_users_by_loading_is_found",
        crate::sync::mutant::LOOK_FOR_USERS_BY_LOADING,
        last_user,
    );
}

#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_count_is_found() {
    crate::must_fail(
        "live_count::mutant_a_relaxed_count_is_found",
        crate::sync::mutant::RELAXED_COUNT,
        drops_and_detaching,
    );
}

#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_release_is_found() {
    crate::must_fail(
        "live_count::mutant_a_relaxed_release_is_found",
        crate::sync::mutant::RELAXED_TABLE_RELEASE,
        drops_and_detaching,
    );
}
