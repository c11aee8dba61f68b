//! A root that is not dropped by its running owner, against scans: `roots::root_word`.
//!
//! `Heap::touch` stands for what a pause does with a rooted value (moving its pointers, dropping it), `Heap::look` for its use by
//! the thread that has the root. The owner does the scans: when it leads a pause, it is ordered after itself only.

use crate::{
    Arc, Heap, check,
    roots::root_word::{Kept, RootWord, Rooted},
    sync::{Mutex, mutant::Mutant},
    thread,
};
#[cfg(not(gc_shuttle))]
use crate::{must_fail, sync::mutant};

/// A value is taken out without the lock that the leader of a pause holds.
const TAKE_IN_A_PAUSE: Mutant = Mutant::of_model("take_in_a_pause");

struct Slot {
    word: RootWord<u64>,
    value: Heap,
}

static INFO: u64 = 7;

/// Scans the slot. Returns whether it is free afterwards.
fn scan(slot: &Slot) -> bool {
    match slot.word.look() {
        Rooted::Free => true,
        Rooted::Live(info, _) => {
            assert_eq!(*info, 7);
            false
        }
        Rooted::Dropped(_, kept) => {
            assert_eq!(kept, Kept::Boxed);
            slot.value.touch();
            slot.word.free();
            true
        }
    }
}

fn a_foreign_drop() {
    check(|| {
        let here = Arc::new(Slot { word: RootWord::free_one(), value: Heap::new() });
        here.value.touch();
        here.word.file(&INFO, Kept::Boxed);
        let there = here.clone();
        let other = thread::spawn(move || {
            there.value.look();
            there.word.drop_elsewhere();
        });
        if scan(&here) {
            // The slot is used again at once.
            here.value.touch();
            here.word.file(&INFO, Kept::Boxed);
            other.join().unwrap();
            assert_eq!(here.word.look(), Rooted::Live(&INFO, Kept::Boxed), "the new root was dropped with the old one");
        } else {
            other.join().unwrap();
            assert!(scan(&here), "a drop was lost");
            assert!(here.word.is_free());
        }
    });
}

#[test]
fn a_root_dropped_elsewhere_is_found_by_a_scan_and_its_slot_used_again() {
    a_foreign_drop();
}

/// A value is taken out on another thread, under the lock that the leader of a pause holds, and dropped there after that
/// ([roots.boxed-freed]).
fn a_taken_value() {
    check(|| {
        let here = Arc::new(Slot { word: RootWord::free_one(), value: Heap::new() });
        let registry = Arc::new(Mutex::new(()));
        here.value.touch();
        here.word.file(&INFO, Kept::Boxed);
        let (there, its) = (here.clone(), registry.clone());
        let other = thread::spawn(move || {
            {
                let _registry = (!TAKE_IN_A_PAUSE.is_planted()).then(|| its.lock());
                there.word.take_elsewhere();
            }
            there.value.touch();
        });
        {
            let _registry = registry.lock();
            match here.word.look() {
                // The pause updates the value's pointers.
                Rooted::Live(_, kept) => {
                    assert_eq!(kept, Kept::Boxed);
                    here.value.touch();
                }
                Rooted::Dropped(_, kept) => {
                    assert_eq!(kept, Kept::Inline, "the value would be dropped twice");
                    here.word.free();
                }
                Rooted::Free => unreachable!("the root was filed"),
            }
        }
        other.join().unwrap();
    });
}

#[test]
fn a_value_is_taken_out_between_pauses() {
    a_taken_value();
}

#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_value_taken_out_in_a_pause_is_found() {
    must_fail("root_word::mutant_a_value_taken_out_in_a_pause_is_found", TAKE_IN_A_PAUSE, a_taken_value);
}

/// Shuttle runs one thread at a time, so it cannot see what only the order of memory accesses shows.
#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_drop_is_found() {
    must_fail("root_word::mutant_a_relaxed_drop_is_found", mutant::RELAXED_ROOT_DROP, a_foreign_drop);
}
