//! Objects of every shape move as they are, and what they hold follows: aligned ones, slices, strings, enums with niches, memory of their own.

use std::collections::{LinkedList, VecDeque};

use gc_core::{
    Collect, Gc, GcCell, Heap, Mutator, Slot, Trace,
    collections::{BTreeMap, HashMap},
};
use gc_tests::{Tested, heaps::under, random::Random, sizes::scaled};

use crate::support::{Thing, check_all, thing, under_each};

/// Collects now and then, and lets most of what lies between die.
fn move_about(heap: &Heap, m: &mut Mutator, mut check: impl FnMut(&Mutator)) {
    let moved = heap.stats().objects_moved;
    for _ in 0..3 {
        let between = m.root((0..200).map(|n| thing(m, n)).collect::<Vec<_>>());
        m.collect(Collect::Promote);
        drop(between);
        m.collect(Collect::Full);
        check(m);
        m.compact();
        check(m);
    }
    assert!(heap.stats().objects_moved > moved, "nothing was moved");
}

fn moving() -> Heap {
    under("compact-always,verify").build().unwrap()
}

macro_rules! aligned {
    ($($name:ident $align:literal;)*) => { $(
        #[derive(Trace)]
        #[repr(align($align))]
        struct $name<'gc> {
            odd: u8,
            slot: Slot<'gc, $name<'gc>>,
            fixed: Option<Gc<'gc, [$name<'gc>]>>,
            owned: Vec<Gc<'gc, Thing>>,
            cell: GcCell<Option<Gc<'gc, Thing>>>,
        }

        impl<'gc> $name<'gc> {
            fn new(m: &'gc Mutator, odd: u8) -> Self {
                Self {
                    odd,
                    slot: Slot::null(),
                    fixed: None,
                    owned: (0..3).map(|n| thing(m, n)).collect(),
                    cell: GcCell::new(Some(thing(m, u64::from(odd)))),
                }
            }

            fn check(&self, m: &'gc Mutator) -> u8 {
                assert_eq!(core::ptr::from_ref(self).addr() % $align, 0);
                check_all(self.owned.iter().copied().chain(*self.cell.borrow(m)));
                self.odd
            }
        }

        impl $name<'static> {
            fn try_it() {
                let heap = moving();
                let mut m = heap.attach().unwrap();
                let roots: Vec<_> = (0..5_u8).map(|odd| {
                    let slice = m.alloc_slice_with(usize::from(odd % 2) + 1, |_| $name::new(&m, odd));
                    let one = m.alloc($name { fixed: Some(slice), ..$name::new(&m, odd) });
                    one.slot.set(&m, Some(one));
                    m.root(one)
                }).collect();
                move_about(&heap, &mut m, |m| {
                    for (odd, root) in (0..).zip(&roots) {
                        let one = root.get(m);
                        assert_eq!(one.check(m), odd);
                        assert!(Gc::ptr_eq(one, one.slot.get().unwrap()));
                        assert!(one.fixed.unwrap().iter().all(|one| one.check(m) == odd));
                    }
                });
            }
        }
    )* };
}

aligned! {
    By16 16;
    By32 32;
    By128 128;
    By512 512;
    By2048 2048;
    By4096 4096;
}

#[test]
fn aligned_objects_stay_aligned_where_they_move() {
    By16::try_it();
    By32::try_it();
    By128::try_it();
    By512::try_it();
    By2048::try_it();
    By4096::try_it();
}

#[derive(Trace)]
struct Nothing;

#[derive(Trace)]
#[repr(align(64))]
struct AlignedNothing;

#[test]
fn objects_without_bytes_keep_places_of_their_own() -> Tested {
    let heap = moving();
    let mut m = heap.attach()?;
    let units = m.root((0..50).map(|_| m.alloc(Nothing)).collect::<Vec<_>>());
    let aligned = m.root((0..50).map(|_| m.alloc(AlignedNothing)).collect::<Vec<_>>());
    let empty = m.root((0..50).map(|n| m.alloc_slice_with(n % 2, |_| Slot::<Nothing>::null())).collect::<Vec<_>>());
    let many = m.root(m.alloc_slice_with(100_000, |_| ()));
    let pairs = m.root(units.borrow(&m).iter().map(|&unit| m.alloc((unit, unit))).collect::<Vec<_>>());
    move_about(&heap, &mut m, |m| {
        let units = units.borrow(m);
        let mut places: Vec<_> = units.iter().map(|&unit| core::ptr::from_ref(Gc::as_ref(unit)).addr()).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 50);
        assert!(aligned.borrow(m).iter().all(|&one| core::ptr::from_ref(Gc::as_ref(one)).addr().is_multiple_of(64)));
        assert!(empty.borrow(m).iter().enumerate().all(|(n, slice)| slice.len() == n % 2));
        assert_eq!(many.get(m).len(), 100_000);
        assert!(
            pairs.borrow(m).iter().zip(units).all(|(pair, &unit)| Gc::ptr_eq(pair.0, unit) && Gc::ptr_eq(pair.1, unit))
        );
    });
    Ok(())
}

#[test]
fn slices_and_strings_of_every_size_move_whole() -> Tested {
    let heap = moving();
    let mut m = heap.attach()?;
    let text = |len: usize| (0..len).map(|n| char::from(b'a' + ((n + len) % 26) as u8)).collect::<String>();
    let lens: Vec<usize> = (0..40).chain((40..8300).step_by(173)).collect();
    let strings = m.root(lens.iter().map(|&len| m.alloc_str(&text(len))).collect::<Vec<_>>());
    let bytes = m.root(lens.iter().map(|&len| m.alloc_slice_copy(text(len).as_bytes())).collect::<Vec<_>>());
    let pointers = m.root(
        lens.iter()
            .map(|&len| m.alloc_slice_with(len / 8, |n| (n as u8, strings.borrow(&m)[n % lens.len()])))
            .collect::<Vec<_>>(),
    );
    let wide = m.root(lens.iter().map(|&len| m.alloc_slice_with(len / 16, |n| n as u128)).collect::<Vec<_>>());
    move_about(&heap, &mut m, |m| {
        for (nth, &len) in lens.iter().enumerate() {
            assert_eq!(*strings.borrow(m)[nth], text(len));
            assert_eq!(*bytes.borrow(m)[nth], *text(len).as_bytes());
            assert!(wide.borrow(m)[nth].iter().enumerate().all(|(n, &word)| word == n as u128));
            for (n, &(number, string)) in pointers.borrow(m)[nth].iter().enumerate() {
                assert_eq!((number, string.len()), (n as u8, lens[n % lens.len()]));
            }
        }
    });
    Ok(())
}

#[derive(Trace, Clone, Copy)]
enum Niche<'gc> {
    One(Gc<'gc, Thing>),
    Two(bool, Option<Gc<'gc, Thing>>),
    Three(Result<Gc<'gc, Thing>, u8>),
    Number(u64, u64),
}

#[derive(Trace)]
enum Fixed<'gc> {
    Slots(Slot<'gc, Thing>, Option<Option<Gc<'gc, Thing>>>),
    Cells(u8, GcCell<Option<Niche<'gc>>>),
    Array([Niche<'gc>; 3]),
}

fn in_niche(niche: &Niche<'_>) {
    match *niche {
        Niche::One(thing) | Niche::Two(_, Some(thing)) | Niche::Three(Ok(thing)) => drop(thing.check()),
        Niche::Number(a, b) => assert_eq!(a, !b),
        Niche::Two(flag, None) => assert!(flag),
        Niche::Three(Err(number)) => assert_eq!(number, 7),
    }
}

fn niche<'gc>(m: &'gc Mutator, random: &mut Random) -> Niche<'gc> {
    let thing = thing(m, random.draw());
    match random.below(6) {
        0 => Niche::One(thing),
        1 => Niche::Two(random.below(2) == 0, Some(thing)),
        2 => Niche::Two(true, None),
        3 => Niche::Three(Ok(thing)),
        4 => Niche::Three(Err(7)),
        // What looks like an address and is none.
        _ => {
            let number = core::ptr::from_ref(Gc::as_ref(thing)).addr() as u64;
            Niche::Number(number, !number)
        }
    }
}

#[test]
fn enums_with_niches_follow_in_every_variant() {
    under_each(|heap, random| {
        let mut m = heap.attach().unwrap();
        let mut kept = m.root(Vec::<Gc<Fixed>>::new());
        for _ in 0..scaled(200) {
            let new = match random.below(3) {
                0 => Fixed::Slots(
                    Slot::new(Some(thing(&m, 1))),
                    [None, Some(None), Some(Some(thing(&m, 2)))][random.below(3) as usize],
                ),
                1 => Fixed::Cells(3, GcCell::new(Some(niche(&m, random)))),
                _ => Fixed::Array([niche(&m, random), niche(&m, random), niche(&m, random)]),
            };
            let new = m.alloc(new);
            let fixed = kept.get_mut(&m);
            fixed.push(new);
            if fixed.len() > 60 {
                fixed.swap_remove(random.below(60) as usize);
            }
            for one in fixed.iter() {
                match Gc::as_ref(*one) {
                    Fixed::Slots(slot, other) => drop(check_all(slot.get().into_iter().chain(other.flatten()))),
                    Fixed::Cells(three, cell) => {
                        assert_eq!(*three, 3);
                        cell.borrow(&m).iter().for_each(in_niche);
                        if random.below(8) == 0 {
                            cell.set(&m, Some(niche(&m, random)));
                        }
                    }
                    Fixed::Array(all) => all.iter().for_each(in_niche),
                }
            }
            m.safepoint();
        }
    });
}

/// Memory that immutable fields own, several deep.
#[derive(Trace)]
struct Owns<'gc> {
    vectors: Vec<Vec<Option<Gc<'gc, Thing>>>>,
    deque: VecDeque<(u8, Gc<'gc, Thing>)>,
    list: LinkedList<Box<[Gc<'gc, Thing>]>>,
    hashed: HashMap<u32, Vec<Gc<'gc, Thing>>>,
    ordered: BTreeMap<String, Gc<'gc, Owns<'gc>>>,
    boxed: Option<Box<(u8, Box<Gc<'gc, Thing>>)>>,
}

impl<'gc> Owns<'gc> {
    fn new(m: &'gc Mutator, random: &mut Random, others: &[Gc<'gc, Owns<'gc>>]) -> Self {
        let mut some = |most| (0..random.below(most)).map(|n| thing(m, n)).collect::<Vec<_>>();
        let mut deque: VecDeque<_> = some(8).into_iter().map(|thing| (1, thing)).collect();
        // So that it wraps.
        for _ in 0..deque.len() / 2 {
            let back = deque.pop_back().unwrap();
            deque.push_front(back);
        }
        Self {
            vectors: (0..3).map(|_| some(4).into_iter().map(Some).chain([None]).collect()).collect(),
            deque,
            list: (0..2).map(|_| some(4).into_boxed_slice()).collect(),
            hashed: (0..3).map(|n| (n, some(3))).collect(),
            ordered: others.iter().take(3).map(|&other| (other.deque.len().to_string(), other)).collect(),
            boxed: some(2).pop().map(|thing| Box::new((5, Box::new(thing)))),
        }
    }

    fn check(&self, depth: u32) {
        check_all(self.vectors.iter().flatten().flatten().copied());
        check_all(self.deque.iter().map(|pair| pair.1));
        check_all(self.list.iter().flat_map(|part| part.iter().copied()));
        check_all(self.hashed.values().flatten().copied());
        check_all(self.boxed.iter().map(|boxed| *boxed.1));
        if depth > 0 {
            self.ordered.values().for_each(|other| other.check(depth - 1));
        }
    }
}

#[test]
fn memory_that_immutable_fields_own_follows() {
    under_each(|heap, random| {
        let mut m = heap.attach().unwrap();
        let mut kept = m.root(Vec::<Gc<Owns>>::new());
        for round in 0..scaled(120) {
            let others = kept.borrow(&m).clone();
            let new = m.root(m.alloc(Owns::new(&m, random, &others)));
            let owns = kept.get_mut(&m);
            owns.push(new.get(&m));
            if owns.len() > 12 {
                owns.swap_remove(random.below(12) as usize);
            }
            if round % 8 == 0 {
                owns.iter().for_each(|owns| owns.check(2));
            }
            m.safepoint();
        }
        m.collect(Collect::Full);
        kept.borrow(&m).iter().for_each(|owns| owns.check(3));
    });
}
