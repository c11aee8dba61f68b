//! Roots that are not dropped by their running owner, against the thread that takes their slots, and against pauses: `roots::root_word`,
//! with the stack of `roots::chunk_word`.
//!
//! `Heap::touch` stands for what a pause does with a rooted value (moving its pointers, dropping it), `Heap::look` for its use by
//! the thread that has the root. The owner takes the stack: when it leads a pause, it is ordered after itself only.

use crate::{
    Arc, Heap, check,
    roots::{
        chunk_word::ChunkWord,
        root_word::{Kept, RootWord, Rooted},
    },
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

struct Chunk {
    word: ChunkWord,
    slots: [Slot; 2],
}

static INFO: u64 = 7;

/// Returns a chunk whose slots have a root each.
fn chunk() -> Arc<Chunk> {
    let slots = [(); 2].map(|()| {
        let slot = Slot { word: RootWord::free_one(), value: Heap::new() };
        slot.value.touch();
        slot.word.file(&INFO, Kept::Boxed);
        slot
    });
    Arc::new(Chunk { word: ChunkWord::owned(), slots })
}

impl Chunk {
    fn drop_elsewhere(&self, slot: u16, kept: Kept) {
        let word = &self.slots[usize::from(slot)].word;
        let _ = self.word.drop_elsewhere(slot, |below, _| word.drop_elsewhere(kept, below));
    }

    /// Takes the stack, and files new roots in its slots at once. Returns how many.
    fn take(&self) -> usize {
        let (mut top, mut count) = (self.word.take(), 0);
        while let Some(slot) = top {
            let slot = &self.slots[usize::from(slot)];
            let Rooted::Dropped(kept, below) = slot.word.look() else { panic!("the slot of a root was taken") };
            assert_eq!(kept, Kept::Boxed);
            slot.value.touch();
            slot.word.free();
            slot.word.file(&INFO, Kept::Inline);
            (top, count) = (below, count + 1);
        }
        count
    }
}

fn foreign_drops() {
    check(|| {
        let here = chunk();
        let threads = [0, 1].map(|slot: u16| {
            let there = here.clone();
            thread::spawn(move || {
                there.slots[usize::from(slot)].value.look();
                there.drop_elsewhere(slot, Kept::Boxed);
            })
        });
        let mut taken = here.take();
        for thread in threads {
            thread.join().unwrap();
        }
        taken += here.take();
        assert_eq!(taken, 2, "a drop was lost");
        for slot in &here.slots {
            assert_eq!(
                slot.word.look(),
                Rooted::Live(&INFO, Kept::Inline),
                "the new root was dropped with the old one"
            );
        }
    });
}

#[test]
fn roots_dropped_elsewhere_are_found_and_their_slots_used_again() {
    foreign_drops();
}

/// A value is taken out on another thread, under the lock that the leader of a pause holds, and dropped there after that.
fn a_taken_value() {
    check(|| {
        let here = chunk();
        let registry = Arc::new(Mutex::new(()));
        let (there, its) = (here.clone(), registry.clone());
        let other = thread::spawn(move || {
            {
                let _registry = (!TAKE_IN_A_PAUSE.is_planted()).then(|| its.lock());
                there.drop_elsewhere(0, Kept::Inline);
            }
            there.slots[0].value.touch();
        });
        {
            let _registry = registry.lock();
            match here.slots[0].word.look() {
                // The pause updates the value's pointers.
                Rooted::Live(_, kept) => {
                    assert_eq!(kept, Kept::Boxed);
                    here.slots[0].value.touch();
                }
                Rooted::Dropped(kept, _) => assert_eq!(kept, Kept::Inline, "the value would be dropped twice"),
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
    must_fail("root_word::mutant_a_relaxed_drop_is_found", mutant::RELAXED_ROOT_DROP, foreign_drops);
}

#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_take_is_found() {
    must_fail("root_word::mutant_a_relaxed_take_is_found", mutant::RELAXED_ROOT_TAKE, foreign_drops);
}
