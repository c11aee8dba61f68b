//! Running the program of a seed, and making a failing one short before it is reported.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use super::{
    machine::run,
    program::{Program, Words},
};

/// Runs the program of a seed under a profile. Panics with seed, profile, and the shortest part of the program that fails too.
pub fn run_or_report(profile: &str, seed: u64, length: usize) {
    let words = Program::words(seed, length);
    let Some(first) = failure(profile, &words) else { return };
    eprintln!("seed {seed} under `{profile}` failed: {first}; making the program shorter");
    let shortest = shortest(profile, words, &first);
    let program = Program::decode(&shortest);
    let last = failure(profile, &shortest).unwrap_or_else(|| "nothing, this time".to_owned());
    panic!("seed {seed}, length {length}, under `{profile}`: {first}\nshort program: {program:#?}\nwhich says: {last}");
}

/// What a program panics with.
fn failure(profile: &str, words: &[Words]) -> Option<String> {
    let program = Program::decode(words);
    let outcome = catch_unwind(AssertUnwindSafe(|| run(profile, &program)));
    outcome.err().map(|payload| message(&*payload))
}

/// What a panic said.
pub(super) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "a payload".to_owned())
}

/// Whether two messages say the same of other numbers.
fn alike(one: &str, other: &str) -> bool {
    let words = |text: &str| text.chars().filter(|c| c.is_alphabetic()).take(60).collect::<String>();
    words(one) == words(other)
}

/// Leaves out operations, ever fewer at once, as long as the rest fails in the same way.
fn shortest(profile: &str, mut words: Vec<Words>, first: &str) -> Vec<Words> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut piece = words.len().div_ceil(2);
    while piece > 0 {
        let mut from = 0;
        while from < words.len() && Instant::now() < deadline {
            let mut fewer = words.clone();
            fewer.drain(from..(from + piece).min(words.len()));
            if failure(profile, &fewer).is_some_and(|message| alike(&message, first)) {
                words = fewer;
            } else {
                from += piece;
            }
        }
        piece /= 2;
    }
    words
}
