//! The thread of a part, which drops value after value, against one that takes the rest, and one that counts what is dropped:
//! `collector::claims`.
//!
//! `Heap::touch` stands for dropping a value; `Heap::look` for seeing what its destructor did.

use crate::{Arc, Heap, check, collector::claims::Claims, must_fail, sync::mutant, thread};

const VALUES: usize = 3;

struct Part {
    claims: Claims,
    values: [Heap; VALUES],
}

fn taken() {
    check(|| {
        let part = Arc::new(Part { claims: Claims::new(0), values: [(); VALUES].map(|()| Heap::new()) });
        let own = part.clone();
        let owner = thread::spawn(move || {
            let mut dropped = 0;
            while dropped < VALUES && own.claims.claim(dropped) {
                own.values[dropped].touch();
                dropped += 1;
            }
            dropped
        });
        let rest = part.claims.take_rest();
        for value in &part.values[rest..] {
            value.touch();
        }
        // What is claimed before the last claim was dropped, and that is seen.
        for value in &part.values[..part.claims.claimed().saturating_sub(1)] {
            value.look();
        }
        assert_eq!(owner.join().unwrap(), rest, "each is dropped once");
        assert_eq!(part.claims.claimed(), rest);
    });
}

#[test]
fn each_value_is_dropped_once() {
    taken();
}

#[test]
fn mutant_a_claim_by_load_and_store_is_found() {
    must_fail("claims::mutant_a_claim_by_load_and_store_is_found", mutant::CLAIM_BY_LOAD_AND_STORE, taken);
}

#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_claim_that_does_not_publish_is_found() {
    must_fail("claims::mutant_a_claim_that_does_not_publish_is_found", mutant::RELAXED_DONE, taken);
}
