//! Every size, alignment and length lies where it must, in every generation.

use std::{marker::PhantomData, sync::mpsc, thread};

use gc_core::{Collect, Gc, Heap, Mutator, Object, Root, Slot, Trace};
use gc_tests::heaps::{TIMEOUT, calm, checked};

fn heap() -> Heap {
    checked().chunk_bytes(16 << 10).nursery_bytes(1 << 20).build().unwrap()
}

/// Checks roots before and after collections that take objects through every generation.
fn through_generations(m: &mut Mutator, check: impl Fn(&Mutator)) {
    check(m);
    for generation in [Collect::Young, Collect::Young, Collect::Promote, Collect::Full, Collect::Full] {
        m.collect(generation);
        check(m);
    }
}

fn address<T: Object + ?Sized>(object: Gc<'_, T>) -> usize {
    std::ptr::from_ref(Gc::as_ref(object)).cast::<()>().addr()
}

macro_rules! aligned {
    ($($name:ident($align:literal)),*) => { $(
        #[derive(Trace, Clone, Copy, PartialEq, Debug)]
        #[repr(align($align))]
        struct $name<const N: usize>([u8; N]);

        impl<const N: usize> $name<N> {
            fn of(tag: u8) -> Self {
                Self([tag; N])
            }
        }
    )* };
}
aligned!(A16(16), A32(32), A64(64), A128(128), A256(256), A512(512), A1024(1024), A2048(2048), A4096(4096));

/// Objects of a type alone, beside objects of other sizes, and in slices of several lengths.
macro_rules! check_aligned {
    ($m:ident: $($name:ident<$n:literal>),* $(,)?) => { $({
        // A frame of its own: what is not optimized has several copies of a value in a frame.
        fn check(m: &mut Mutator) {
            type Type = $name<$n>;
            let mut objects: Vec<(u8, Root<Gc<'static, Type>>)> = Vec::new();
            let mut slices: Vec<(u8, usize, Root<Gc<'static, [Type]>>)> = Vec::new();
            let mut others = Vec::new();
            for tag in 0..20 {
                objects.push((tag, m.root(m.alloc(Type::of(tag)))));
                others.push(m.root(m.alloc_slice_copy(&[tag; 77][..usize::from(tag) * 4 % 77])));
                objects.push((tag, m.root(m.alloc_with(|| Type::of(tag)))));
                let len = [0, 1, 2, 3, 7, 40][usize::from(tag) % 6];
                slices.push((tag, len, m.root(m.alloc_slice_with(len, |_| Type::of(tag)))));
                slices.push((tag, len, m.root(m.alloc_slice_copy(&vec![Type::of(tag); len]))));
            }
            through_generations(m, |m| {
                for (tag, root) in &objects {
                    let object = root.get(m);
                    assert_eq!(address(object) % align_of::<Type>(), 0);
                    assert_eq!(*object, Type::of(*tag));
                }
                for (tag, len, root) in &slices {
                    let slice = root.get(m);
                    assert_eq!(slice.len(), *len);
                    assert!(slice.iter().all(|element| *element == Type::of(*tag)));
                    assert_eq!(slice.as_ptr().addr() % align_of::<Type>(), 0);
                }
            });
        }
        check(&mut $m);
    })* };
}

#[test]
fn every_alignment_is_kept_in_every_generation() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    check_aligned!(m:
        A16<1>, A16<16>, A16<17>, A16<100>, A16<9000>, A32<32>, A32<33>, A32<10000>, A64<5>, A64<64>, A64<65>, A64<8000>,
        A128<100>, A128<129>, A256<1>, A256<5000>, A512<512>, A512<513>, A1024<1>, A1024<8192>, A2048<1>, A2048<2049>,
        A4096<1>, A4096<4096>, A4096<4097>, A4096<40000>,
    );
}

#[test]
fn zero_sized_objects_are_objects_at_any_alignment() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    check_aligned!(m: A16<0>, A32<0>, A64<0>, A128<0>, A256<0>, A512<0>, A1024<0>, A2048<0>, A4096<0>);
    let units: Vec<_> = (0..100).map(|_| m.root(m.alloc(()))).collect();
    through_generations(&mut m, |m| {
        // Each its own, though there is nothing in them.
        for (index, unit) in units.iter().enumerate() {
            assert!(units[..index].iter().all(|other| !unit.ptr_eq(other, m)));
        }
    });
}

#[test]
fn every_length_around_every_size_class_and_the_large_threshold() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let around = |center: usize| center.saturating_sub(20)..center + 20;
    let lengths =
        (0..200).chain(around(256)).chain(around(1024)).chain(around(4096)).chain(around(8192)).chain(around(16384));
    let slices: Vec<_> =
        lengths.map(|len| (len, m.root(m.alloc_slice_with(len, |index| (len + index) as u8)))).collect();
    let texts: Vec<_> = (8150..8210).map(|len| (len, m.root(m.alloc_str(&"x".repeat(len))))).collect();
    through_generations(&mut m, |m| {
        for (len, root) in &slices {
            let slice = root.get(m);
            assert_eq!(slice.len(), *len);
            assert!(slice.iter().enumerate().all(|(index, byte)| *byte == (len + index) as u8));
        }
        for (len, root) in &texts {
            assert!(root.get(m).len() == *len && root.get(m).bytes().all(|byte| byte == b'x'));
        }
    });
}

/// A frame of its own for each size, as above.
fn check_sized<const N: usize>(m: &mut Mutator) {
    let root = m.root(m.alloc([N as u16; N]));
    through_generations(m, |m| assert!(root.get(m).iter().all(|word| *word == N as u16)));
}

macro_rules! check_sizes {
    ($m:ident: $($n:literal)*) => { $( check_sized::<$n>(&mut $m); )* };
}

#[test]
fn sized_objects_around_the_large_threshold() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    check_sizes!(m: 0 1 3 4 5 4083 4084 4085 4086 4087 4088 4089 4090 4091 4092 4093 4094 4095 4096 4097 4098 8192 50000);
}

#[test]
fn slots_at_both_ends_of_a_large_object_are_followed() {
    #[derive(Trace)]
    struct Ends<'gc> {
        first: Slot<'gc, u64>,
        between: [u64; 5000],
        last: Slot<'gc, u64>,
    }
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(Ends { first: Slot::null(), between: [9; 5000], last: Slot::null() }));
    for round in 0..6_u64 {
        let ends = root.get(&m);
        ends.first.set(&m, Some(m.alloc(round)));
        ends.last.set(&m, Some(m.alloc(round + 100)));
        m.collect([Collect::Young, Collect::Promote, Collect::Full][round as usize % 3]);
        let ends = root.get(&m);
        assert_eq!((ends.first.get().as_deref(), ends.last.get().as_deref()), (Some(&round), Some(&(round + 100))));
        assert!(ends.between.iter().all(|word| *word == 9));
    }
}

#[test]
fn lengths_that_no_memory_holds_are_errors_and_leave_nothing() {
    let heap = calm().on_event(gc_core::Level::Warning, |_| {}).build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..20 {
        for len in [usize::MAX, usize::MAX / 8, isize::MAX as usize / 8, isize::MAX as usize / 2 - 64, 1 << 50, 1 << 40]
        {
            assert!(m.try_alloc_slice_with(len, |_| 0_u8).is_err());
            assert!(m.try_alloc_slice_with(len, |_| 0_u64).is_err());
            assert!(m.try_alloc_slice_with(len, |_| A4096::<4096>::of(1)).is_err());
            assert!(m.try_alloc_slice_with(len, |_| (0_u64, m.alloc(1))).is_err());
        }
    }
    m.collect(Collect::Full);
    let stats = heap.stats();
    assert_eq!(stats.old_objects, 0);
    assert!(stats.bytes_allocated < 1 << 30, "{} bytes were never handed out", stats.bytes_allocated);
}

#[test]
fn slices_of_nothing_may_be_as_long_as_numbers_go() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let units = m.root(m.alloc_slice_copy(&[(); usize::MAX]));
    let far = m.root(m.alloc_slice_copy(&[A4096::<0>::of(0); 1 << 60]));
    through_generations(&mut m, |m| {
        assert_eq!(units.get(m).len(), usize::MAX);
        assert_eq!(far.get(m).len(), 1 << 60);
        assert_eq!(far.get(m).as_ptr().addr() % 4096, 0);
    });
}

#[test]
fn slices_of_nothing_that_could_hold_pointers_are_no_work() {
    let (done, wait) = mpsc::channel();
    // On a thread of its own: if it were work, it would never end.
    thread::spawn(move || {
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        let phantoms = m.root(m.alloc_slice_copy(&[PhantomData::<Gc<u64>>; usize::MAX]));
        let empty: [gc_core::Gc<u64>; 0] = [];
        let arrays = m.root(m.alloc_slice_copy(&[empty; 1 << 50]));
        for generation in [Collect::Young, Collect::Promote, Collect::Full] {
            m.collect(generation);
        }
        done.send((phantoms.get(&m).len(), arrays.get(&m).len())).unwrap();
    });
    assert_eq!(wait.recv_timeout(TIMEOUT), Ok((usize::MAX, 1 << 50)));
}

#[test]
fn the_largest_object_that_fits_is_whole() {
    let heap = checked().reservation(1 << 30).build().unwrap();
    let mut m = heap.attach().unwrap();
    // A quarter of the reservation is for large objects.
    let len = (200 << 20) / 8;
    let root = m.root(m.alloc_slice_with(len, |index| index as u64));
    assert!(m.try_alloc_slice_with(len, |_| 0_u64).is_err());
    m.collect(Collect::Full);
    assert_eq!(root.get(&m)[len - 1], len as u64 - 1);
    drop(root);
    m.collect(Collect::Full);
    assert!(m.try_alloc_slice_with(len, |_| 0_u64).is_ok());
}
