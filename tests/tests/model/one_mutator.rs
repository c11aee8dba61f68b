//! Heap and model agree, whatever the program and whenever it is collected.

use gc_tests::{
    model::{Program, Words, run, run_or_report},
    sizes::{part, scaled},
};
use proptest::{collection::vec, prelude::*, test_runner::Config};

/// Programs of seeds under one profile.
fn seeds(profile: &str, seeds: std::ops::Range<u64>, length: usize) {
    for seed in part(seeds) {
        run_or_report(profile, seed, length);
    }
}

#[test]
fn agrees_without_stress() {
    seeds("verify", 0..400, 120);
}

#[test]
fn agrees_when_every_safepoint_collects() {
    seeds("tiny-nursery,every-safepoint,verify", 1000..1300, 80);
}

#[test]
fn agrees_when_promotion_is_by_chance() {
    seeds("tiny-nursery,promote-random,full-every=3,every-safepoint=2,verify", 2000..2300, 80);
}

#[test]
fn agrees_when_nothing_is_promoted_but_what_finds_no_room() {
    seeds("promote-never,to-space-full=3,every-safepoint=2,verify", 3000..3300, 80);
}

#[test]
fn agrees_when_many_copy_together() {
    for workers in 2..=4 {
        let from = 3300 + 100 * workers;
        seeds(&format!("workers={workers},every-safepoint=2,full-every=5,verify"), from..from + 50, 80);
    }
}

#[test]
fn agrees_while_the_old_generation_is_marked() {
    // Nearly every safepoint, allocation and store meets a marking or a sweep.
    for (objects, workers, from) in [(64, 1, 7000), (128, 3, 7200)] {
        let profile =
            format!("slow-marker={objects},workers={workers},full-every=2,every-safepoint=2,promote-random,verify");
        seeds(&profile, from..from + 80, 100);
    }
}

#[test]
fn agrees_while_blocks_are_evacuated() {
    for (profile, from) in [
        ("compact-always,every-safepoint=3,verify", 8000),
        ("compact-random,promote-random,slow-marker=64,every-safepoint=3,full-every=2,verify", 8100),
    ] {
        seeds(profile, from..from + 25, 100);
    }
}

#[test]
fn agrees_when_collections_come_at_allocations() {
    seeds("every-allocation=7,verify", 4000..4200, 80);
}

#[test]
fn agrees_without_the_verifier() {
    seeds("every-safepoint=3,promote-random", 5000..5500, 120);
}

#[test]
fn agrees_under_random_stress() {
    for seed in part(6000..6500) {
        run_or_report(&format!("random={seed}"), seed, 80);
    }
}

proptest! {
    #![proptest_config(Config { cases: scaled(100) as u32, max_shrink_iters: 2000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn agrees_for_any_words(words in vec(any::<Words>(), 1..100), stress in 0_u64..1000) {
        run(&format!("random={stress}"), &Program::decode(&words));
    }
}
