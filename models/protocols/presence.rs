//! Threads that release a heap and leave, and the one that waits until all have left: `collector::presence`.
//!
//! `Heap::touch` stands for the use of the heap, which its last owner unmaps.

use crate::{
    Arc, Heap, check,
    collector::presence::Presence,
    must_fail,
    sync::{
        Mutex,
        mutant::{self, Mutant},
    },
    thread,
};

/// A thread leaves before it has released the heap.
const LEAVES_WITH_THE_HEAP: Mutant = Mutant::of_model("leaves_with_the_heap");

fn left() {
    check(|| {
        let presence = Presence::new();
        let heap = Arc::new((Heap::new(), Mutex::new(())));
        let threads = [(); 2].map(|()| {
            let (present, heap) = (Presence::enter(&presence), heap.clone());
            thread::spawn(move || {
                let mut present = Some(present);
                if LEAVES_WITH_THE_HEAP.is_planted() {
                    present = None;
                }
                let lock = heap.1.lock();
                heap.0.touch();
                drop(lock);
                drop(heap);
                drop(present);
            })
        });
        presence.wait_until_all_left();
        assert_eq!(presence.threads(), 0);
        let Ok((heap, _)) = Arc::try_unwrap(heap) else { panic!("a thread has left and has the heap") };
        heap.touch();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn who_has_left_has_let_go_of_the_heap() {
    left();
}

#[test]
fn mutant_a_thread_that_leaves_with_the_heap_is_found() {
    must_fail("presence::mutant_a_thread_that_leaves_with_the_heap_is_found", LEAVES_WITH_THE_HEAP, left);
}

#[test]
fn mutant_one_that_leaves_and_wakes_nobody_is_found() {
    must_fail("presence::mutant_one_that_leaves_and_wakes_nobody_is_found", mutant::LEAVES_SILENTLY, left);
}
