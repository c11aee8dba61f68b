//! Roots that are dropped on any thread, against an owner that detaches and a collector that frees the table:
//! `roots::live_count`.
//!
//! `Heap::touch` stands for what the thread that drops the last root does with the table, and for freeing it.

use crate::{
    Arc, Heap, check,
    roots::live_count::{LiveCount, Subtracted},
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
