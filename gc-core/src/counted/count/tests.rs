//! The layout of the header, and counts near their limits, which no program reaches.

use super::*;

const ME: u64 = FIRST_TOKEN;

#[test]
fn a_header_is_three_words() {
    assert_eq!(size_of::<Count>(), 24);
}

#[test]
fn a_full_bias_spills_and_comes_back() {
    let count = Count::new(ME);
    count.biased.set(u32::MAX);
    count.retain(ME);
    assert_eq!(count.strong(ME), 1 << 32);
    assert_eq!(count.biased.get(), 1 << 31);
    count.biased.set(1);
    assert_eq!(count.release(ME), Step::Last);
    assert_eq!(count.release_last_biased(), Released::Alive, "merged, the spilled ones are left");
    assert_eq!(count.strong(ME), 1 << 31);
}

#[test]
fn a_count_that_is_full_stays() {
    let count = Count::new(0);
    let full = ZERO + u64::try_from(SATURATED + SATURATED / 2).unwrap() * ONE + MERGED;
    count.shared.store(full - ONE, Ordering::Relaxed);
    for _ in 0..3 {
        count.retain(0);
    }
    for _ in 0..5 {
        assert_eq!(count.release(0), Step::Elsewhere);
        assert_eq!(count.release_elsewhere(), Released::Alive);
    }
    assert_eq!(count.shared.load(Ordering::Relaxed), full);
    assert!(count.upgrade(0));
    assert_eq!(count.shared.load(Ordering::Relaxed), full);
}

#[test]
fn a_count_that_is_full_stays_unmerged() {
    let count = Count::new(ME);
    let full = ZERO + u64::try_from(SATURATED).unwrap() * ONE;
    count.shared.store(full, Ordering::Relaxed);
    assert_eq!(count.release(0), Step::Elsewhere);
    assert_eq!(count.release_elsewhere(), Released::Alive);
    assert_eq!(count.shared.load(Ordering::Relaxed), full);
    assert_eq!(count.release(ME), Step::Last);
    assert_eq!(count.release_last_biased(), Released::Alive);
    assert_eq!(count.shared.load(Ordering::Relaxed), full | MERGED);
}

#[test]
fn a_weak_count_that_is_full_stays() {
    let count = Count::new(0);
    count.downgrade();
    count.weak.store(WEAK_FULL, Ordering::Relaxed);
    count.downgrade();
    count.retain_weak();
    assert!(!count.release_weak());
    assert_eq!(count.weak.load(Ordering::Relaxed), WEAK_FULL);
}

/// A handle that is not counted up is never counted down, even while another drop is half done.
#[test]
fn a_full_weak_count_stays_beside_others_that_drop() {
    let count = Count::new(0);
    count.downgrade();
    for full in [WEAK_SATURATED, WEAK_FULL] {
        count.weak.store(full, Ordering::Relaxed);
        for _ in 0..5 {
            count.retain_weak();
            count.downgrade();
        }
        // A drop on another thread, which has not taken its decrement back yet.
        count.weak.fetch_sub(1, Ordering::Relaxed);
        for _ in 0..10 {
            assert!(!count.release_weak());
        }
        count.weak.fetch_add(1, Ordering::Relaxed);
        assert!(count.weak.load(Ordering::Relaxed) >= full);
    }
}

#[test]
fn the_contents_may_be_taken_while_the_owner_is_asked() {
    let count = Count::new(ME);
    count.retain(ME);
    assert_eq!(count.release_elsewhere(), Released::Ask(ME));
    assert_eq!(count.is_only(ME), Only::Yes);
    let mut memory = true;
    assert_eq!(count.claim(0, &mut memory), Only::Unknown(ME));
    assert_eq!(count.claim(ME, &mut memory), Only::Yes);
    assert!(!memory);
    assert_eq!(count.flush(), Settled::Empty);
    assert!(count.release_memory());
}

#[test]
fn an_immortal_is_never_counted() {
    let count = Count::immortal();
    count.retain(0);
    count.downgrade();
    for _ in 0..3 {
        assert_eq!(count.release(0), Step::Elsewhere);
        assert_eq!(count.release_elsewhere(), Released::Alive);
        assert_eq!(count.release(ME), Step::Elsewhere);
        assert!(!count.release_weak());
        assert!(count.upgrade(ME));
    }
    assert_eq!(count.is_only(0), Only::No);
    assert_eq!(count.claim(0, &mut false), Only::No);
}
