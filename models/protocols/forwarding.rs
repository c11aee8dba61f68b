//! The claim of a copy by one of several workers: `object::forwarding`.
//!
//! `Heap::touch` stands for writing a copy, `Heap::look` for reading the copy behind a forwarding address.

use core::ptr;

use crate::{Arc, Heap, check, must_fail, object::forwarding::Forwarding, sync::mutant, thread};

/// An object in from-space, and the copies that workers make of it.
struct Object {
    header: Forwarding,
    copies: [Heap; 2],
}

const INFO: usize = 16;

/// Returns the forwarding word to a worker's copy.
fn forwarded(worker: usize) -> *mut u8 {
    ptr::without_provenance_mut(worker * 2 + 1)
}

/// Does what a worker does with a pointer slot that holds the object. Returns the copy to which the slot is updated, and whether
/// the worker traces it.
fn evacuate(object: &Object, worker: usize) -> (usize, bool) {
    let seen = object.header.look();
    let (word, won) = if seen.addr() != INFO {
        (seen, false)
    } else {
        object.copies[worker].touch();
        match object.header.claim(seen, forwarded(worker)) {
            Ok(()) => (forwarded(worker), true),
            Err(first) => (first, false),
        }
    };
    let copy = word.addr() / 2;
    object.copies[copy].look();
    (copy, won)
}

fn two_workers() {
    check(|| {
        let header = Forwarding::new(ptr::without_provenance_mut(INFO));
        let here = Arc::new(Object { header, copies: [Heap::new(), Heap::new()] });
        let there = here.clone();
        let other = thread::spawn(move || evacuate(&there, 1));
        let (mine, won) = evacuate(&here, 0);
        let (others, other_won) = other.join().unwrap();
        assert_eq!(mine, others, "one object became two");
        assert!(won != other_won, "traced twice or never");
    });
}

#[test]
fn one_copy_wins_and_both_workers_find_it_whole() {
    two_workers();
}

#[test]
fn mutant_a_claim_without_looking_is_found() {
    must_fail("forwarding::mutant_a_claim_without_looking_is_found", mutant::CLAIM_WITHOUT_LOOKING, two_workers);
}

/// Shuttle runs one thread at a time, so it cannot see what only the order of memory accesses shows.
#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_claim_is_found() {
    must_fail("forwarding::mutant_a_relaxed_claim_is_found", mutant::RELAXED_CLAIM, two_workers);
}
