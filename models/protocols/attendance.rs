//! Roots that are dropped as the last user of the heap goes: `roots::attendance`, with the real word of a chunk and the list of those with
//! drops.
//!
//! The value of each root holds another root, which would keep the heap for ever if nobody found it.

use core::ptr::NonNull;

use crate::{
    Arc, check,
    roots::{
        attendance::Attendance,
        chunk_word::ChunkWord,
        noted::{Noted, NotedList},
    },
    sync::{
        Mutex,
        atomic::{AtomicPtr, AtomicU32, Ordering},
    },
    thread,
};

const ROOTS: u32 = 2;

struct Chunk {
    word: ChunkWord,
    /// For each slot on the stack the one below, plus one.
    below: [AtomicU32; ROOTS as usize],
    next: AtomicPtr<Self>,
}

impl Noted for Chunk {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

struct Space {
    chunk: Chunk,
    noted: NotedList<Chunk>,
    attendance: Attendance,
    /// The registry's, under which roots are looked for.
    found: Mutex<u32>,
}

impl Space {
    fn take_dropped(&self) {
        let mut found = self.found.lock();
        self.noted.take(|_| {
            let mut top = self.chunk.word.take_noted();
            while let Some(slot) = top {
                *found += 1;
                top =
                    self.chunk.below[usize::from(slot)].load(Ordering::Relaxed).checked_sub(1).map(|slot| slot as u16);
            }
        });
    }

    fn drop_root(&self, slot: u16) {
        let dropped = self.chunk.word.drop_elsewhere(slot, |below, _| {
            let below = below.map_or(0, |below| u32::from(below) + 1);
            self.chunk.below[usize::from(slot)].store(below, Ordering::Relaxed);
        });
        if dropped.notes {
            // SAFETY: the model keeps the chunk; this thread has made it NOTED.
            unsafe { self.noted.add(NonNull::from(&self.chunk)) };
            if self.attendance.has_ended() {
                self.take_dropped();
            }
        }
    }
}

fn last_user() {
    check(|| {
        let chunk = Chunk {
            word: ChunkWord::owned(),
            below: [(); ROOTS as usize].map(|()| AtomicU32::new(0)),
            next: AtomicPtr::new(core::ptr::null_mut()),
        };
        assert!(!chunk.word.orphan(ROOTS));
        let (noted, attendance, found) = (NotedList::new(), Attendance::new(), Mutex::new(0));
        let space = Arc::new(Space { chunk, noted, attendance, found });
        let threads = [0, 1].map(|slot| {
            let there = space.clone();
            thread::spawn(move || there.drop_root(slot))
        });
        space.attendance.end();
        space.take_dropped();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*space.found.lock(), ROOTS, "a value is found by nobody");
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
        "attendance::mutant_a_look_for_users_by_loading_is_found",
        crate::sync::mutant::LOOK_FOR_USERS_BY_LOADING,
        last_user,
    );
}
