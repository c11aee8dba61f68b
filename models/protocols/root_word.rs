//! A root that is dropped elsewhere, against scans: `collector::root_word`.
//!
//! `Heap::touch` stands for what a pause does with a rooted value (moving its pointers, dropping it), `Heap::look` for its use by
//! whoever has the root. The scans are done by the owner: leading a pause, it is ordered after itself only.

use crate::{
    Arc, Heap, check,
    roots::root_word::{Kept, RootWord, Rooted},
    thread,
};
#[cfg(not(gc_shuttle))]
use crate::{must_fail, sync::mutant};

struct Slot {
    word: RootWord<u64>,
    value: Heap,
}

static INFO: u64 = 7;

/// Whether the slot is free after the scan.
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

/// Shuttle executes one thread at a time: it cannot see what only the order of memory accesses tells.
#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_drop_is_found() {
    must_fail("root_word::mutant_a_relaxed_drop_is_found", mutant::RELAXED_ROOT_DROP, a_foreign_drop);
}
