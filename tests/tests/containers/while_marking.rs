//! Containers that change while the old generation is marked beside the program, by threads that forget and panic as they go.

use std::{
    collections::{LinkedList, VecDeque},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
};

use gc_core::{
    Collect, Gc, GcCell, Heap, Mutator, Root, Trace, blocking,
    collections::{BTreeMap, HashMap},
};
use gc_tests::{Tested, heaps::under, random::Random};

/// What a value is computed from, so that one that was moved or freed is noticed.
#[derive(Trace)]
struct Value {
    number: u64,
    check: u64,
}

fn value(m: &Mutator, number: u64) -> Gc<'_, Value> {
    m.alloc(Value { number, check: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) })
}

fn check(value: Gc<'_, Value>) -> u64 {
    assert_eq!(value.check, value.number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    value.number
}

/// One of the containers at a time: what is in the cell changes its type while it is marked.
#[derive(Trace)]
enum Any<'gc> {
    Vec(Vec<Gc<'gc, Value>>),
    Deque(VecDeque<Gc<'gc, Value>>),
    List(LinkedList<Box<[Gc<'gc, Value>]>>),
    Hashed(HashMap<u64, Gc<'gc, Value>>),
    Ordered(BTreeMap<u64, Vec<Gc<'gc, Value>>>),
    One(Gc<'gc, Value>),
}

impl<'gc> Any<'gc> {
    fn new(kind: u64, values: Vec<Gc<'gc, Value>>) -> Self {
        match kind % 6 {
            0 => Self::Vec(values),
            1 => Self::Deque(values.into()),
            2 => Self::List(values.chunks(3).map(Box::from).collect()),
            3 => Self::Hashed(values.into_iter().map(|value| (value.number, value)).collect()),
            4 => Self::Ordered(values.into_iter().map(|value| (value.number, vec![value; 2])).collect()),
            _ => Self::One(values[0]),
        }
    }

    fn check(&self) -> usize {
        let checked = |values: &mut dyn Iterator<Item = Gc<'_, Value>>| values.map(check).fold(0, |count, _| count + 1);
        match self {
            Self::Vec(values) => checked(&mut values.iter().copied()),
            Self::Deque(values) => checked(&mut values.iter().copied()),
            Self::List(values) => checked(&mut values.iter().flat_map(|values| values.iter().copied())),
            Self::Hashed(values) if values.is_whole() => checked(&mut values.values().copied()),
            Self::Ordered(values) if values.is_whole() => checked(&mut values.values().flatten().copied()),
            Self::Hashed(_) | Self::Ordered(_) => 0,
            Self::One(value) => checked(&mut [*value].into_iter()),
        }
    }

    /// Changes the container, and does not always end what it began.
    fn change(&mut self, new: Gc<'gc, Value>, way: u64) {
        let panics = |run: &mut dyn FnMut()| drop(catch_unwind(AssertUnwindSafe(run)));
        match self {
            Self::Vec(values) => match way % 4 {
                0 => values.insert(values.len() / 2, new),
                1 => mem::forget(values.drain(values.len() / 3..)),
                2 => panics(&mut || values.retain(|value| (assert_ne!(value.number % 7, 3), value.number % 2 == 0).1)),
                _ => mem::forget(values.splice(..values.len().min(2), [new, new])),
            },
            Self::Deque(values) => match way % 4 {
                0 => values.push_front(new),
                1 => mem::forget(values.drain(values.len() / 2..)),
                2 => panics(&mut || values.retain(|value| (assert_ne!(value.number % 7, 3), value.number % 2 == 0).1)),
                _ => values.rotate_left(values.len() / 2),
            },
            Self::List(values) => match way % 3 {
                0 => values.push_back(Box::new([new; 3])),
                1 => drop(values.split_off(values.len() / 2)),
                _ => _ = values.front_mut().map(|values| values[0] = new),
            },
            Self::Hashed(values) => match way % 5 {
                _ if !values.is_whole() => *values = HashMap::from([(new.number, new)]),
                0 | 1 => _ = values.insert(new.number, new),
                2 => panics(&mut || values.retain(|key, _| (assert_ne!(key % 7, 3), key % 2 == 0).1)),
                3 => values.shrink_to_fit(),
                _ => {
                    let mut drain = values.drain();
                    drain.next();
                    mem::forget(drain);
                }
            },
            Self::Ordered(values) => match way % 5 {
                _ if !values.is_whole() => *values = BTreeMap::from([(new.number, vec![new])]),
                0 | 1 => values.entry(new.number).or_default().push(new),
                2 => panics(&mut || values.retain(|key, _| (assert_ne!(key % 7, 3), key % 2 == 0).1)),
                3 => drop(values.split_off(&(new.number / 2))),
                _ => {
                    let mut taken = values.extract_if(new.number / 2.., |_, _| true);
                    taken.next();
                    mem::forget(taken);
                }
            },
            Self::One(value) => *value = new,
        }
    }
}

#[derive(Trace)]
struct Holder<'gc> {
    any: GcCell<Any<'gc>>,
    /// Never written, and read by the marker as it is.
    fixed: HashMap<u64, Gc<'gc, Value>>,
}

type Holders = Root<Gc<'static, [Gc<'static, Holder<'static>>]>>;

const HOLDERS: u64 = 24;

fn holders(m: &Mutator) -> Holders {
    m.root(m.alloc_slice_with(HOLDERS as usize, |kind| {
        let values = (0..30).map(|n| value(m, n)).collect();
        let fixed = (0..8).map(|n| (n, value(m, n))).collect();
        m.alloc(Holder { any: GcCell::new(Any::new(kind as u64, values)), fixed })
    }))
}

/// Changes containers for a while. `forgets`: leaves write guards behind, which end at a collection of this very thread.
fn change(m: &mut Mutator, holders: &Holders, seed: u64, rounds: u64, forgets: bool) {
    let mut random = Random::new(seed);
    for round in 0..rounds {
        {
            let holders = holders.get(m);
            let holder = holders[random.below(HOLDERS) as usize];
            let new = value(m, random.below(1000));
            let mut guard = holder.any.borrow_mut(m);
            guard.check();
            guard.change(new, random.below(1000));
            if random.below(10) == 0 {
                *guard = Any::new(random.below(6), (0..20).map(|n| value(m, n)).collect());
            }
            assert!(holder.fixed.iter().all(|(key, value)| check(*value) == *key));
            if forgets && random.below(20) == 0 {
                mem::forget(guard);
            }
        }
        if forgets {
            // Another access to a cell whose guard was forgotten is a conflict until then.
            m.collect(if round % 8 == 0 { Collect::Promote } else { Collect::Young });
        } else {
            m.safepoint();
        }
    }
}

fn check_all(m: &Mutator, holders: &Holders) {
    assert!(holders.get(m).iter().map(|holder| holder.any.borrow(m).check()).sum::<usize>() > 0);
}

/// One thread changes, another asks for full collections all the time.
fn beside(heap: &Heap, changers: u64, rounds: u64) -> Tested {
    let mut m = heap.attach()?;
    let holders = holders(&m);
    m.collect(Collect::Full);
    let stop = AtomicBool::new(false);
    blocking::scope(&mut m, |scope| {
        let threads: Vec<_> = (0..changers)
            .map(|seed| {
                let holders = &holders;
                scope.spawn(move || change(&mut heap.attach().expect("a free thread"), holders, seed, rounds, false))
            })
            .collect();
        scope.spawn(|| {
            let mut m = heap.attach().expect("a free thread");
            while !stop.load(Ordering::Relaxed) {
                m.collect(Collect::Full);
                check_all(&m, &holders);
            }
        });
        let ended = threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>();
        stop.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(|ended| ended.expect("no panic but those on purpose"));
    });
    check_all(&m, &holders);
    m.collect(Collect::Full);
    check_all(&m, &holders);
    Ok(())
}

#[test]
fn containers_change_their_type_while_they_are_marked() -> Tested {
    beside(&under("slow-marker=20,verify").build()?, 2, 600)
}

#[test]
fn containers_change_while_several_threads_mark() -> Tested {
    beside(&under("workers=3").chunk_bytes(64 << 10).nursery_bytes(256 << 10).build()?, 2, 1500)
}

/// The guards that the marker finds are of threads that forgot them: it puts the cells off, and finds what is in them in the end.
#[test]
fn guards_are_forgotten_on_containers_that_are_marked() -> Tested {
    let heap = under("slow-marker=20,verify").build()?;
    let mut m = heap.attach()?;
    let holders = holders(&m);
    m.collect(Collect::Full);
    let other = heap.clone();
    blocking::scope(&mut m, |scope| {
        let changer = scope.spawn(|| change(&mut other.attach().expect("a free thread"), &holders, 7, 200, true));
        scope.spawn(move || {
            // It reads no cell, so it waits for none.
            let mut m = heap.attach().expect("a free thread");
            while !changer.is_finished() {
                m.collect(Collect::Full);
            }
            changer.join().expect("no panic but those on purpose");
        });
    });
    m.collect(Collect::Full);
    check_all(&m, &holders);
    Ok(())
}
