//! Several mutators of one heap agree with their models, and with each other, whatever they do and whenever it is collected.

use gc_tests::{model::run_threads, sizes::part};

/// Programs of seeds under one profile.
fn seeds(profile: &str, seeds: std::ops::Range<u64>, steps: usize) {
    for seed in part(seeds) {
        run_threads(profile, seed, steps);
    }
}

#[test]
fn agree_without_stress() {
    seeds("", 0..60, 300);
}

#[test]
fn agree_when_the_heap_is_verified() {
    seeds("verify", 100..140, 150);
}

#[test]
fn agree_with_a_tiny_nursery() {
    seeds("tiny-nursery,every-safepoint=3,verify", 200..220, 100);
}

#[test]
fn agree_when_promotion_is_by_chance() {
    seeds("promote-random,every-safepoint=5,verify", 300..320, 100);
}

#[test]
fn agree_when_nothing_is_promoted_but_what_finds_no_room() {
    seeds("promote-never,to-space-full=3,every-safepoint=5,verify", 400..420, 100);
}

#[test]
fn agree_when_collections_come_at_allocations() {
    seeds("every-allocation=31,full-every=3,verify", 500..520, 100);
}

#[test]
fn agree_when_two_copy_together() {
    seeds("workers=2,every-safepoint=7,verify", 600..620, 100);
}

#[test]
fn agree_when_four_copy_together() {
    seeds("workers=4,tiny-nursery,full-every=4,every-safepoint=11,verify", 700..720, 100);
}

#[test]
fn agree_while_the_old_generation_is_marked() {
    seeds("slow-marker=64,full-every=2,every-safepoint=7,verify", 800..820, 100);
}

#[test]
fn agree_while_blocks_are_evacuated() {
    seeds("compact-always,slow-marker=256,full-every=2,every-safepoint=9,verify", 900..920, 100);
}

#[test]
fn agree_under_random_stress() {
    for seed in part(1000..1040) {
        run_threads(&format!("random={seed}"), seed, 80);
    }
}
