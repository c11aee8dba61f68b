//! Roots that are dropped on any thread, against an owner that detaches, one that adopts the chunk, and threads that free it:
//! `roots::chunk_word` and `roots::noted`.
//!
//! `Heap::touch` stands for what the one that has the chunk to itself does with its memory, `Heap::look` for the last use of it by others.

use core::ptr::NonNull;

use crate::{
    Arc, Heap, check,
    roots::{
        chunk_word::{ChunkWord, DroppedElsewhere},
        noted::{Noted, NotedList},
    },
    sync::{atomic::AtomicPtr, mutant::Mutant},
    thread,
};
#[cfg(not(gc_shuttle))]
use crate::{must_fail, sync::mutant};

/// A chunk is freed though a thread is about to put it on the list.
const FREE_WHAT_IS_NOTED: Mutant = Mutant::of_model("free_what_is_noted");

struct Chunk {
    word: ChunkWord,
    /// What the owner has, and then the thread of the last drop.
    owned: Heap,
    /// What the threads use that have roots.
    used: Heap,
    next: AtomicPtr<Self>,
}

impl Noted for Chunk {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

fn chunk() -> Arc<Chunk> {
    let next = AtomicPtr::new(core::ptr::null_mut());
    Arc::new(Chunk { word: ChunkWord::owned(), owned: Heap::new(), used: Heap::new(), next })
}

fn drop_root(chunk: &Chunk, slot: u16) -> DroppedElsewhere {
    chunk.word.drop_elsewhere(slot, |_, _| ())
}

/// The owner has made two roots and given both to other threads.
fn drops_and_detaching() {
    check(|| {
        let here = chunk();
        let end = |chunk: &Chunk| {
            chunk.owned.touch();
            chunk.used.touch();
        };
        let threads = [0, 1].map(|slot| {
            let there = here.clone();
            thread::spawn(move || {
                there.used.look();
                let last = drop_root(&there, slot).last;
                if last {
                    end(&there);
                }
                last
            })
        });
        here.owned.touch();
        let mut lasts = 0;
        if here.word.orphan(2) {
            // No thread has a root: the owner goes on with the chunk.
            end(&here);
            lasts += 1;
        }
        for thread in threads {
            lasts += usize::from(thread.join().unwrap());
        }
        assert_eq!(lasts, 1);
    });
}

#[test]
fn exactly_one_ends_an_orphaned_chunk() {
    drops_and_detaching();
}

/// A chunk with one root, which is dropped while another mutator adopts the chunk.
fn a_drop_and_adoption() {
    check(|| {
        let here = chunk();
        assert!(!here.word.orphan(1));
        let there = here.clone();
        let other = thread::spawn(move || drop_root(&there, 0).last);
        // It keeps its reference to the heap while it has a root: the adopting mutator gives it up, if the drop has not.
        let had_roots = !here.word.adopt(1);
        assert_ne!(had_roots, other.join().unwrap());
        assert_eq!((here.word.pending(), here.word.take()), (1, Some(0)));
        assert_eq!(here.word.pending(), 0);
        assert!(here.word.orphan(0));
    });
}

#[test]
fn the_last_drop_or_the_next_owner_gives_the_reference_up() {
    a_drop_and_adoption();
}

/// Two threads drop the two roots of two chunks. A thread takes what is noted, and frees chunks without roots; so does the owner, which
/// finds one by itself.
fn freeing() {
    check(|| {
        let list = Arc::new(NotedList::new());
        let chunks = [chunk(), chunk()];
        let threads = [0, 1].map(|nth: usize| {
            let (there, list): (Arc<Chunk>, Arc<NotedList<Chunk>>) = (chunks[nth].clone(), list.clone());
            thread::spawn(move || {
                if drop_root(&there, 0).notes {
                    there.used.look();
                    // SAFETY: the model keeps the chunk; this thread has made it NOTED.
                    unsafe { list.add(NonNull::from(&*there)) };
                }
            })
        });
        let mut roots = [1, 1];
        if chunks[0].word.take().is_some() {
            roots[0] = 0;
            if chunks[0].word.is_quiet() || FREE_WHAT_IS_NOTED.is_planted() {
                chunks[0].used.touch();
            }
        }
        let mut found = 0;
        let mut leader = || {
            list.take(|chunk| {
                // SAFETY: the model keeps it.
                let chunk = unsafe { chunk.as_ref() };
                let nth = usize::from(core::ptr::eq(chunk, &*chunks[1]));
                if chunk.word.take_noted().is_some() {
                    roots[nth] = 0;
                }
                assert_eq!(roots[nth], 0);
                assert!(chunk.word.is_quiet());
                chunk.used.touch();
                found += 1;
            });
        };
        leader();
        for thread in threads {
            thread.join().unwrap();
        }
        leader();
        assert_eq!((found, roots), (2, [0, 0]), "a chunk was lost");
    });
}

#[test]
fn what_was_dropped_is_found_and_no_chunk_is_freed_that_a_thread_will_touch() {
    freeing();
}

#[test]
fn mutant_freeing_what_is_noted_is_found() {
    crate::must_fail("chunk_word::mutant_freeing_what_is_noted_is_found", FREE_WHAT_IS_NOTED, freeing);
}

#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_note_is_found() {
    must_fail("chunk_word::mutant_a_relaxed_note_is_found", mutant::RELAXED_NOTE, freeing);
}

#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_drop_is_found() {
    must_fail("chunk_word::mutant_a_relaxed_drop_is_found", mutant::RELAXED_ROOT_DROP, drops_and_detaching);
}

#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_owner_is_found() {
    must_fail("chunk_word::mutant_a_relaxed_owner_is_found", mutant::RELAXED_ROOT_OWNER, drops_and_detaching);
}
