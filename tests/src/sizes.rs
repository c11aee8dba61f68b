//! How much a test does where the amount is all that matters: less under what makes everything slower.

/// `full`, or a part of it under `GC_TEST_SCALE=part`, as scripts set it that run the tests under a sanitizer: no less than one.
///
/// For rounds, seeds and lengths on which no assertion depends. What a test needs to find what it looks for is no such number.
pub fn scaled(full: u64) -> u64 {
    let part = std::env::var("GC_TEST_SCALE").map_or(1, |part| part.parse().expect("GC_TEST_SCALE is a number"));
    full.div_ceil(part)
}

/// The first of `seeds`, as many as `scaled` says.
pub fn part(seeds: std::ops::Range<u64>) -> std::ops::Range<u64> {
    seeds.start..seeds.start + scaled(seeds.end - seeds.start)
}

/// Whether nothing is scaled: then limits are met that a part of the work does not meet.
pub fn is_full() -> bool {
    scaled(2) == 2
}
