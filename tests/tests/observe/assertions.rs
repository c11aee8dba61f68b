//! Assertions about what a heap holds fail when they should, and say why.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gc_core::{
    Gc, Mutator, Root,
    observe::{assert_no_growth, assert_none_left},
};
use gc_tests::heaps::{calm, under};

/// The message of a panic.
fn fails(m: &mut Mutator, body: impl FnOnce(&mut Mutator)) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| body(m))).expect_err("it panics");
    *panic.downcast::<String>().expect("a message")
}

#[test]
fn a_type_that_grows_is_named() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept: Vec<Root<Gc<'static, u64>>> = Vec::new();
    let message = fails(&mut m, |m| {
        assert_no_growth(m, |m| {
            kept.push(m.root(m.alloc(1_u64)));
            kept.push(m.root(m.alloc(2_u64)));
            m.alloc_str("garbage");
        });
    });
    assert!(message.contains("u64: 8 objects (+2.0 each time), 128 bytes (+32.0 each time)"), "{message}");
    assert!(!message.contains("str"), "{message}");
    // The mutator is of use after that.
    assert_no_growth(&mut m, |m| m.safepoint());
}

#[test]
fn what_is_kept_once_is_no_growth() {
    for profile in ["", "tiny-nursery,every-safepoint=3,verify", "slow-marker=16,full-every=2", "stopped"] {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let mut cache: Vec<Root<Gc<'static, str>>> = Vec::new();
        assert_no_growth(&mut m, |m| {
            if cache.len() < 2 {
                cache.push(m.root(m.alloc_str("cached")));
            }
            for n in 0..100_u64 {
                m.alloc([n; 5]);
                m.safepoint();
            }
        });
    }
}

#[test]
fn what_is_left_of_a_type_is_counted() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    assert_none_left::<[u64]>(&mut m);
    let kept = m.root(m.alloc_slice_copy(&[1_u64; 10]));
    let message = fails(&mut m, |m| assert_none_left::<[u64]>(m));
    assert!(message.ends_with("no object of type [u64] after a full collection, found 1 of 96 bytes"), "{message}");
    assert_none_left::<u64>(&mut m);
    drop(kept);
    assert_none_left::<[u64]>(&mut m);
}
