//! Cells between the moment at which they are known to hold old objects, and the moment at which these move: they change variant, grow, hand
//! their memory to others, are held, forgotten and broken.

use std::{
    collections::VecDeque,
    hash::{Hash, Hasher},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
};

use gc_core::{
    Collect, Gc, GcCell, Mutator, Root, Trace,
    collections::{BTreeMap, HashMap},
};
use gc_tests::{heaps::under, random::Random, sizes::scaled};

use crate::support::{Thing, check_all, thing, threads, under_each};

#[derive(Trace, Default)]
enum Held<'gc> {
    #[default]
    Nothing,
    Number(u64, u64),
    One(Gc<'gc, Thing>),
    Many(Vec<Gc<'gc, Thing>>),
    Boxed(Box<(u64, Gc<'gc, Thing>)>),
    Deque(VecDeque<Box<[Gc<'gc, Thing>]>>),
    Hashed(HashMap<Key, Gc<'gc, Thing>>),
    Ordered(BTreeMap<u64, (u8, Gc<'gc, Thing>)>),
}

/// A key that panics where it is told to.
#[derive(PartialEq, Eq, Clone, Trace)]
#[trace(leaf)]
struct Key(u64);

static PANICS: AtomicBool = AtomicBool::new(false);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert!(!(PANICS.load(Ordering::Relaxed) && self.0 % 5 == 3), "a key panics");
        self.0.hash(state);
    }
}

impl<'gc> Held<'gc> {
    fn new(kind: u64, things: Vec<Gc<'gc, Thing>>) -> Self {
        let Some(&first) = things.first() else { return Self::Number(kind, kind) };
        match kind % 8 {
            0 => Self::One(first),
            1 => Self::Many(things),
            2 => Self::Boxed(Box::new((kind, first))),
            3 => Self::Deque(things.chunks(2).map(Box::from).collect()),
            4 => Self::Hashed(things.into_iter().enumerate().map(|(n, thing)| (Key(5 * n as u64), thing)).collect()),
            5 => Self::Ordered(things.into_iter().enumerate().map(|(n, thing)| (n as u64, (1, thing))).collect()),
            6 => Self::Nothing,
            _ => Self::Number(kind, u64::MAX),
        }
    }

    fn things(&self) -> Vec<Gc<'gc, Thing>> {
        match self {
            Self::Nothing | Self::Number(..) => Vec::new(),
            Self::One(thing) => vec![*thing],
            Self::Many(things) => things.clone(),
            Self::Boxed(pair) => vec![pair.1],
            Self::Deque(parts) => parts.iter().flat_map(|part| part.iter().copied()).collect(),
            Self::Hashed(map) if map.is_whole() => map.values().copied().collect(),
            Self::Ordered(map) if map.is_whole() => map.values().map(|pair| pair.1).collect(),
            Self::Hashed(_) | Self::Ordered(_) => Vec::new(),
        }
    }
}

#[derive(Trace)]
struct Holder<'gc> {
    before: u8,
    cell: GcCell<Held<'gc>>,
    /// What a cell has owned.
    owned: Vec<Gc<'gc, Thing>>,
    other: GcCell<Held<'gc>>,
}

type Table = Root<Gc<'static, [Holder<'static>]>>;

const HOLDERS: u64 = 24;

fn some<'gc>(m: &'gc Mutator, random: &mut Random) -> Vec<Gc<'gc, Thing>> {
    (0..random.below(5)).map(|_| thing(m, random.draw())).collect()
}

fn table(m: &Mutator, random: &mut Random) -> Table {
    m.root(m.alloc_slice_with(HOLDERS as usize, |n| Holder {
        before: n as u8,
        cell: GcCell::new(Held::new(n as u64, some(m, random))),
        owned: some(m, random),
        other: GcCell::default(),
    }))
}

fn check(table: &Table, m: &Mutator) {
    for (n, holder) in table.get(m).iter().enumerate() {
        assert_eq!(usize::from(holder.before), n);
        check_all(holder.cell.borrow(m).things());
        check_all(holder.other.borrow(m).things());
        check_all(holder.owned.iter().copied());
    }
}

/// Changes two cells in some way. What they hold stays old.
fn change<'gc>(table: &'gc Table, m: &'gc Mutator, random: &mut Random) {
    let holders = table.get(m);
    let (one, other) = (&holders[random.below(HOLDERS) as usize], &holders[random.below(HOLDERS) as usize]);
    match random.below(9) {
        // Another variant with the same objects.
        0 => {
            let mut cell = one.cell.borrow_mut(m);
            let things = cell.things();
            *cell = Held::new(random.draw(), things);
        }
        // The memory of one cell goes to another.
        1 => {
            let taken = one.cell.take(m);
            drop(other.other.replace(m, taken));
        }
        2 => {
            let (mut one, mut other) = (one.cell.borrow_mut(m), other.other.borrow_mut(m));
            mem::swap(&mut *one, &mut *other);
        }
        // What a vector owns grows, shrinks and moves.
        3 => {
            if let Held::Many(things) = &mut *one.cell.borrow_mut(m) {
                things.extend(other.owned.iter().copied());
                things.truncate(40);
                things.shrink_to_fit();
            }
        }
        4 => {
            if let Held::Many(things) = &mut *one.other.borrow_mut(m) {
                mem::forget(things.drain(things.len() / 2..));
                things.reserve(100);
            }
        }
        // A map is left by a panic.
        5 => {
            if let Held::Hashed(map) = &mut *one.cell.borrow_mut(m) {
                PANICS.store(true, Ordering::Relaxed);
                drop(catch_unwind(AssertUnwindSafe(|| map.insert(Key(random.below(90)), thing(m, 1)))));
                PANICS.store(false, Ordering::Relaxed);
            }
        }
        6 => {
            if let Held::Ordered(map) = &mut *one.cell.borrow_mut(m)
                && map.is_whole()
            {
                drop(catch_unwind(AssertUnwindSafe(|| {
                    map.retain(|key, _| key % 7 != 6 || panic!("a closure panics"))
                })));
            }
        }
        7 => one.cell.set(m, Held::new(random.draw(), other.owned.clone())),
        _ => {
            // A guard that is forgotten: it ends with the next stop.
            mem::forget(one.cell.borrow_mut(m));
        }
    }
}

/// Changes a cell, unless a guard of it was forgotten just now.
fn change_or_not(table: &Table, m: &Mutator, random: &mut Random) {
    drop(catch_unwind(AssertUnwindSafe(|| change(table, m, random))));
}

fn quietly<R>(run: impl FnOnce() -> R) -> R {
    // A panic that is meant is not printed: there are thousands.
    static QUIET: std::sync::Once = std::sync::Once::new();
    QUIET.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload_as_str().unwrap_or("");
            if !["a key panics", "a closure panics"].contains(&text) && !text.contains("GcCell") {
                hook(info);
            }
        }));
    });
    run()
}

#[test]
fn what_a_cell_holds_follows_whatever_it_becomes_meanwhile() {
    quietly(|| {
        under_each(|heap, random| {
            let mut m = heap.attach().unwrap();
            let table = table(&m, random);
            for round in 0..scaled(320) {
                change_or_not(&table, &m, random);
                m.safepoint();
                if round % 40 == 39 {
                    // From here on no guard that was forgotten counts.
                    m.collect(Collect::Young);
                    check(&table, &m);
                }
            }
            m.collect(Collect::Full);
            check(&table, &m);
        });
    });
}

/// What a cell owned becomes that of an immutable field or a root, which is known by its address or looked at in each pause.
#[test]
fn memory_that_leaves_a_cell_is_followed_where_it_goes() {
    under_each(|heap, random| {
        let mut m = heap.attach().unwrap();
        let cells = m
            .root(m.alloc_slice_with(20, |n| GcCell::new((0..4).map(|k| thing(&m, n as u64 + k)).collect::<Vec<_>>())));
        let mut holders = m.root(Vec::<Gc<Holder>>::new());
        let mut root = m.root((Vec::<Gc<Thing>>::new(), [0_u64; 20]));
        for round in 0..scaled(200) {
            {
                let cell = &cells.get(&m)[random.below(20) as usize];
                let owned = cell.take(&m);
                match random.below(3) {
                    0 => {
                        let new =
                            m.alloc(Holder { before: 0, cell: GcCell::default(), owned, other: GcCell::default() });
                        holders.get_mut(&m).push(new);
                    }
                    1 => {
                        let state = root.get_mut(&m);
                        let before = mem::replace(&mut state.0, owned);
                        drop(cell.replace(&m, before));
                    }
                    _ => drop(cell.replace(&m, owned)),
                }
            }
            if holders.borrow(&m).len() > 30 {
                // Back to the cells.
                let back = holders.get_mut(&m).swap_remove(3);
                let things = back.owned.clone();
                cells.get(&m)[random.below(20) as usize].borrow_mut(&m).extend(things);
            }
            if round % 25 == 0 {
                check_all(cells.get(&m).iter().flat_map(|cell| cell.borrow(&m).clone()));
                check_all(holders.borrow(&m).iter().flat_map(|holder| holder.owned.clone()));
                check_all(root.borrow(&m).0.clone());
            }
            m.safepoint();
        }
    });
}

/// The marker comes while a thread holds the cell: it is looked at in the pause that ends marking.
#[test]
fn a_cell_that_is_held_when_the_marker_comes_follows() {
    for profile in ["compact-always,slow-marker=1,verify", "compact-random,slow-marker=1,workers=3,verify"] {
        let heap = under(profile).build().unwrap();
        let cells = heap.with(|m| {
            let cells = m.alloc_slice_with(40, |n| GcCell::new(vec![thing(m, n as u64); 3]));
            let cells = m.root(cells);
            m.collect(Collect::Full);
            cells
        });
        let (cells, done) = (cells.unwrap(), AtomicBool::new(false));
        threads(&heap, 3, |m, thread, random| {
            if thread == 0 {
                for _ in 0..scaled(10) {
                    m.collect(Collect::Full);
                    check_all(cells.get(m).iter().flat_map(|cell| cell.borrow(m).clone()));
                }
                done.store(true, Ordering::SeqCst);
            }
            while !done.load(Ordering::SeqCst) {
                {
                    let own = (0..40).filter(|n| n % 2 == thread as usize - 1).nth(random.below(20) as usize).unwrap();
                    let cells = cells.get(m);
                    let mut guard = cells[own].borrow_mut(m);
                    std::thread::sleep(std::time::Duration::from_micros(300));
                    check_all(guard.clone());
                    guard.rotate_left(1);
                }
                m.safepoint();
            }
        });
        assert!(heap.stats().objects_moved > 0, "{profile}");
    }
}
