//! The settings and limits of a heap: what is out of range is an error that says what would do, and limits hold.

use std::time::Duration;

use gc_core::{BuildError, Collect, Gc, HeapBuilder, SettingError, Stress, Thresholds, observe::sites::SitesConfig};
use gc_tests::heaps::calm;

fn refused(builder: HeapBuilder, wanted: &str) {
    match builder.build() {
        Err(BuildError::Setting(error)) => {
            assert_eq!(error.name, wanted);
            let SettingError { expected, found, advice, .. } = &error;
            assert!([expected, found, advice].iter().all(|part| !part.is_empty()), "{error:?}");
            assert_eq!(error.to_string(), format!("{wanted}: expected {expected}, found {found}: {advice}"));
        }
        other => panic!("{wanted}: expected a refusal, found {other:?}"),
    }
}

#[test]
fn every_setting_out_of_range_is_named_with_what_was_expected_and_found() {
    refused(calm().nursery_bytes(0), "nursery_bytes");
    refused(calm().nursery_bytes(usize::MAX), "nursery_bytes");
    refused(calm().chunk_bytes(0), "chunk_bytes");
    refused(calm().chunk_bytes(100_000), "chunk_bytes");
    refused(calm().chunk_bytes(1 << 40), "chunk_bytes");
    refused(calm().remembered_entries(0), "remembered_entries");
    refused(calm().reservation(1 << 20), "reservation");
    refused(calm().hard_limit(1 << 20), "hard_limit");
    refused(calm().hard_limit(1 << 30).soft_limit(2 << 30), "soft_limit");
    refused(calm().thresholds(Thresholds { growth_percent: 0, ..Thresholds::default() }), "growth_percent");
    refused(calm().workers(0), "workers");
    refused(calm().hard_limit_percent(101), "hard_limit_percent");
    let short = Duration::from_nanos(1);
    refused(calm().late_after(short), "late_after");
    refused(calm().slow_destructor(short), "slow_destructor");
    refused(calm().idle_after(short), "idle_after");
}

/// A value, and text that is one, are refused by one type.
#[test]
fn one_error_says_what_is_wrong_with_a_setting() {
    let refusals: [SettingError; 3] = [
        calm().build().unwrap().set_thresholds(Thresholds { growth_percent: 0, ..Thresholds::default() }).unwrap_err(),
        "workers=1000".parse::<Stress>().unwrap_err(),
        "exact,frames=256".parse::<SitesConfig>().unwrap_err(),
    ];
    assert_eq!(refusals.each_ref().map(|error| error.name), ["growth_percent", "stress", "sites"]);
    assert_eq!(refusals.each_ref().map(|error| &*error.found), ["0", "`workers=1000`", "`exact,frames=256`"]);
}

#[test]
fn an_absurd_reservation_is_retried_smaller() {
    let heap = calm().reservation(1 << 46).build().unwrap();
    assert_eq!(*heap.attach().unwrap().alloc(5), 5);
}

#[test]
fn thresholds_out_of_range_change_nothing() {
    let heap = calm().build().unwrap();
    let before = heap.thresholds();
    assert!(heap.set_thresholds(Thresholds { nursery_bytes: 1, ..before }).is_err());
    assert_eq!(heap.thresholds(), before);
    let after = Thresholds {
        nursery_bytes: 1 << 20,
        max_nursery_bytes: 8 << 20,
        copied_goal: 2 << 20,
        growth_percent: 10,
        growth_floor: 1 << 20,
    };
    heap.set_thresholds(after).unwrap();
    assert_eq!(heap.thresholds(), after);
}

#[test]
fn at_the_hard_limit_values_come_back_and_the_program_goes_on_after_letting_go() {
    const LIMIT: usize = 48 << 20;
    let heap = calm().hard_limit(LIMIT).build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..3 {
        let mut kept = m.root(Vec::<Gc<[u64; 100]>>::new());
        let mut made = 0_u64;
        let value = loop {
            match m.try_alloc([made; 100]) {
                Ok(page) => kept.get_mut(&m).push(page),
                Err(error) => {
                    assert_eq!(error.limit(), LIMIT);
                    break error.into_value();
                }
            }
            made += 1;
            m.safepoint();
        };
        assert_eq!(value, [made; 100], "the value that was refused");
        assert!(heap.stats().memory_bytes <= LIMIT);
        assert!(made > 10_000, "{made} objects of 800 bytes in 48 MiB");
        assert!(kept.borrow(&m).iter().zip(0..).all(|(page, n)| **page == [n; 100]));
        drop(kept);
        m.safepoint();
        if let Err(error) = m.try_alloc(value) {
            panic!("{error}\nearly: {}\n{:?}\n{:?}", error.is_early(), heap.memory_report(), heap.stats());
        }
    }
}

#[test]
fn large_objects_count_towards_the_limit_and_leave_it() {
    let heap = calm().hard_limit(64 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    for round in 0..20_u64 {
        let big = m.try_alloc_slice_with((20 << 20) / 8, |_| round);
        let big = match big {
            Ok(big) => m.root(big),
            Err(error) => panic!("round {round}: {error}"),
        };
        assert!(big.get(&m).iter().all(|&word| word == round));
        drop(big);
        m.collect(Collect::Young);
    }
    assert!(m.try_alloc_slice_with(100 << 20, |_| 0_u8).is_err());
}

#[test]
#[should_panic(expected = "hard limit is 33554432 bytes")]
fn alloc_at_the_limit_panics_with_the_limit_and_what_to_do() {
    let heap = calm().hard_limit(32 << 20).build().unwrap();
    let m = heap.attach().unwrap();
    loop {
        m.alloc([0_u64; 500]);
    }
}

#[test]
fn limits_can_be_set_while_the_program_runs() {
    let heap = calm().build().unwrap();
    assert_eq!((heap.hard_limit(), heap.soft_limit()), (None, None));
    let m = heap.attach().unwrap();
    m.alloc(1);
    heap.set_hard_limit(Some(heap.stats().memory_bytes));
    assert!(m.try_alloc_slice_with(10 << 20, |_| 0_u8).is_err());
    heap.set_hard_limit(None);
    assert!(m.try_alloc_slice_with(10 << 20, |_| 0_u8).is_ok());
}

#[test]
fn a_soft_limit_collects_harder() {
    let collections = |soft: Option<usize>| {
        let thresholds = Thresholds { growth_floor: 1 << 20, nursery_bytes: 512 << 10, ..Thresholds::default() };
        let heap = calm().thresholds(thresholds).build().unwrap();
        heap.set_soft_limit(soft);
        let mut m = heap.attach().unwrap();
        let mut kept = m.root(Vec::<Gc<[u64; 16]>>::new());
        for i in 0..200_000 {
            let new = m.alloc([i; 16]);
            kept.get_mut(&m).push(new);
            m.safepoint();
        }
        heap.stats().collections.full
    };
    let (soft, none) = (collections(Some(2 << 20)), collections(None));
    assert!(soft > none, "{soft} full collections above the soft limit, {none} without one");
}
