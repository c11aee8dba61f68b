//! Contents of every shape: of no size, over-aligned, huge; slices of them.

use std::{fmt::Debug, thread};

use gc_core::{Acyclic, Counted, Trace};

use crate::support::both;

#[derive(Trace, Clone, Copy, PartialEq, Debug)]
#[trace(acyclic)]
#[repr(align(64))]
struct Line(u8);

#[derive(Trace, Clone, Copy, PartialEq, Debug)]
#[trace(acyclic)]
#[repr(align(4096))]
struct Page;

#[derive(Trace, Clone, Copy, PartialEq, Debug)]
#[trace(acyclic)]
#[repr(align(65536))]
struct Huge(u64);

fn any<T: Acyclic + Clone + PartialEq + Debug + Send + Sync>(value: &T) {
    both(|_, _m| {
        let aligned = |pointer: *const T| assert_eq!(pointer.addr() % align_of::<T>(), 0);
        let one = Counted::new(value.clone());
        aligned(Counted::as_ptr(&one));
        assert_eq!(*one, *value);
        let two = one.clone();
        let there = thread::spawn(move || Box::new((*two).clone())).join().unwrap();
        assert_eq!(*there, *value);
        for len in [0, 1, 2, 7, 100] {
            let mut slice: Counted<[T]> = vec![value.clone(); len].into();
            aligned(slice.as_ptr());
            assert!(slice.iter().all(|element| element == value) && slice.len() == len);
            let weak = Counted::downgrade(&slice);
            assert_eq!(Counted::make_mut(&mut slice).len(), len);
            assert!(weak.upgrade().is_none());
            drop(slice);
        }
        let weak = Counted::downgrade(&Counted::new(value.clone()));
        assert!(weak.upgrade().is_none());
    });
}

/// On a stack that holds some copies of the largest.
#[test]
fn every_shape_lies_where_it_must() {
    thread::Builder::new().stack_size(64 << 20).spawn(shapes).unwrap().join().unwrap();
}

fn shapes() {
    any(&());
    any(&1_u8);
    any(&[1_u8; 3]);
    any(&1_u128);
    any(&Line(3));
    any(&Page);
    any(&Huge(5));
    any(&(1_u8, Line(1), String::from("x")));
    any(&[0_u8; 100_000]);
    any(&Counted::<str>::from("nested"));
}

#[test]
fn values_of_no_size_are_dropped_as_often() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static DROPPED: AtomicUsize = AtomicUsize::new(0);

    #[derive(Trace)]
    #[trace(leaf, acyclic)]
    struct Nothing;

    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    drop(Counted::new(Nothing));
    drop(Counted::<[Nothing]>::from([Nothing, Nothing, Nothing]));
    drop((0..100).map(|_| Nothing).collect::<Counted<[Nothing]>>());
    assert_eq!(DROPPED.load(Ordering::Relaxed), 104);
}

#[test]
fn more_elements_of_no_size_than_bytes_are_held() {
    let many: Counted<[()]> = vec![(); usize::MAX].into();
    assert_eq!(many.clone().len(), usize::MAX);
    drop(many);
    let pages: Counted<[Page; 0]> = Counted::new([]);
    assert_eq!(pages.len(), 0);
}

#[test]
fn text_of_every_length_is_whole() {
    both(|_, _m| {
        for len in 0..70 {
            let text = "ä".repeat(len);
            let one: Counted<str> = text.as_str().into();
            assert_eq!((&*one, one.len()), (text.as_str(), 2 * len));
        }
    });
}
