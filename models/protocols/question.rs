//! Mutators that write to roots of the same chunk, before a pause looks at it: `roots::question`.

use crate::{
    Arc, check,
    roots::question::{Question, Survival},
    thread,
};

/// A mutator writes to a root. Returns whether it lists the chunk.
fn write(question: &Question) -> bool {
    !question.is_written() && question.put()
}

fn writers() {
    check(|| {
        let question = Arc::new(Question::settled());
        let there = question.clone();
        let other = thread::spawn(move || write(&there));
        let mut lists = usize::from(write(&question)) + usize::from(write(&question));
        lists += usize::from(other.join().unwrap());
        assert_eq!(lists, 1, "the chunk is on one list");
        // The leader, who stopped both. What was written may be young for two pauses.
        assert!(question.is_written() && question.looked(Survival::ByAge, false));
        assert!(!question.looked(Survival::ByAge, false));
    });
}

#[test]
fn a_chunk_is_put_on_one_list() {
    writers();
}

#[test]
fn mutant_listing_by_looking_is_found() {
    crate::must_fail("question::mutant_listing_by_looking_is_found", crate::sync::mutant::LIST_BY_LOOKING, writers);
}
