//! The board: places that every mutator reads and writes, and the ways to do so.
//!
//! Coins come out of a purse and go back into one; in between they are in no other place, and nothing here fails between the two
//! ([model.coins]). Guards are held one at a time.

use std::collections::HashSet;

use gc_core::{Ephemeron, Gc, GcCell, Mutator, Slot, Trace, Weak, WeakSlot};

use super::{
    super::weak::unless_refused,
    census::Census,
    objects::{Coin, Maker, Notice, Purse},
    program::{Deal, Pin},
};

#[derive(Trace)]
pub(super) struct Board<'gc> {
    /// Large.
    wall: Gc<'gc, [Slot<'gc, Notice<'gc>>]>,
    column: Gc<'gc, [Slot<'gc, Notice<'gc>>]>,
    pins: GcCell<Vec<Gc<'gc, Notice<'gc>>>>,
    last: GcCell<Last<'gc>>,
    counters: Gc<'gc, [GcCell<u64>]>,
    boxes: Gc<'gc, [Slot<'gc, Coin<'gc>>]>,
    safes: Gc<'gc, [GcCell<Option<Gc<'gc, Coin<'gc>>>>]>,
    chest: GcCell<Purse<'gc>>,
    /// A stack without a lock (Treiber 1986). No link is pushed twice, and no memory becomes another link while somebody has a pointer
    /// to it, so that a head that is as it was has what was behind it.
    pile: Slot<'gc, Link<'gc>>,
    /// Weak references to notices.
    marks: Gc<'gc, [WeakSlot<'gc, Notice<'gc>>]>,
    /// What belongs to a notice, and leads back to it.
    ties: Gc<'gc, [GcCell<Option<Tie<'gc>>>]>,
}

/// A notice, and one that was made with it before.
pub(super) type Tie<'gc> = Ephemeron<'gc, Notice<'gc>, Notice<'gc>>;

/// A counter that names who raised it last.
#[derive(Trace, Clone, Copy)]
struct Last<'gc> {
    count: u64,
    by: Option<Gc<'gc, Notice<'gc>>>,
    /// The same as `count`, but while it is raised.
    again: u64,
}

#[derive(Trace)]
struct Link<'gc> {
    coin: Gc<'gc, Coin<'gc>>,
    next: Slot<'gc, Link<'gc>>,
}

const WALL: usize = 1200;
/// Notices on a wall that is filled.
const MET: usize = WALL / 20;
const COLUMN: usize = 6;
const COUNTERS: usize = 3;
const BOXES: usize = 5;
const SAFES: usize = 3;
const MARKS: usize = 5;

impl<'gc> Board<'gc> {
    /// An empty one.
    pub(super) fn new(m: &'gc Mutator) -> Gc<'gc, Self> {
        m.alloc(Self {
            wall: m.alloc_slice_with(WALL, |_| Slot::null()),
            column: m.alloc_slice_with(COLUMN, |_| Slot::null()),
            pins: GcCell::default(),
            last: GcCell::new(Last { count: 0, by: None, again: 0 }),
            counters: m.alloc_slice_with(COUNTERS, |_| GcCell::new(0)),
            boxes: m.alloc_slice_with(BOXES, |_| Slot::null()),
            safes: m.alloc_slice_with(SAFES, |_| GcCell::new(None)),
            chest: GcCell::default(),
            pile: Slot::null(),
            marks: m.alloc_slice_with(MARKS, |_| WeakSlot::dangling()),
            ties: m.alloc_slice_with(MARKS, |_| GcCell::default()),
        })
    }

    /// Marks the notice at a place, or unmarks.
    pub(super) fn mark(&self, m: &'gc Mutator, place: u32, mark: u32) {
        let slot = &Gc::as_ref(self.marks)[mark as usize % MARKS];
        let found = self.at(place).and_then(|notice| unless_refused(|| Gc::downgrade(notice, m)));
        whole(m, slot.swap(m, found.unwrap_or_default()));
    }

    /// Ties something new to the notice at a place.
    pub(super) fn tie(&self, m: &'gc Mutator, place: u32, tie: u32, maker: &mut Maker) {
        let Some(key) = self.at(place) else { return };
        let Some(value) = maker.notice(m, None) else { return };
        value.next.set(m, Some(key));
        if let Ok(new) = Ephemeron::try_new(m, key, value) {
            let old = Gc::as_ref(self.ties)[tie as usize % MARKS].replace(m, Some(new));
            if let Some((key, value)) = old.and_then(|old| old.get(m)) {
                key.whole();
                value.whole();
            }
        }
    }

    /// A notice that is marked, or that something is tied to, if it is alive.
    pub(super) fn recall(&self, m: &'gc Mutator, which: u32) -> Option<Gc<'gc, Notice<'gc>>> {
        let (index, kind) = (which as usize / 2 % MARKS, which % 2);
        if kind == 0 {
            return whole(m, self.marks[index].get());
        }
        let (key, value) = self.ties[index].get(m)?.get(m)?;
        key.whole();
        value.whole();
        Some(key)
    }

    /// A place for a notice. Few are used, for others to meet what was put there.
    fn place(&self, place: u32) -> &'gc Slot<'gc, Notice<'gc>> {
        let place = place as usize;
        match place % 3 {
            0 => &Gc::as_ref(self.wall)[place / 3 % 4 * (WALL / 4)],
            _ => &Gc::as_ref(self.column)[place / 3 % COLUMN],
        }
    }

    /// Puts a notice somewhere; what was there may be behind it.
    pub(super) fn pin(&self, m: &'gc Mutator, notice: Gc<'gc, Notice<'gc>>, place: u32, pin: Pin) {
        let slot = self.place(place);
        match pin {
            Pin::Set => slot.set(m, Some(notice)),
            Pin::Swap => slot.swap(m, Some(notice)).iter().for_each(|old| old.whole()),
            Pin::Exchange => {
                let old = slot.get();
                notice.next.set(m, old);
                old.iter().for_each(|old| old.whole());
                if let Err(found) = slot.compare_exchange(m, old, Some(notice)) {
                    found.iter().for_each(|found| found.whole());
                }
            }
            Pin::Next => match slot.get() {
                Some(found) => found.next.set(m, Some(notice)),
                None => slot.set(m, Some(notice)),
            },
            Pin::Bag => {
                if let Some(found) = slot.get() {
                    let mut bag = Gc::as_ref(found).bag.borrow_mut(m);
                    bag.push(notice);
                    if bag.len() > 8 {
                        bag.drain(..6).for_each(|old| old.whole());
                    }
                }
            }
            Pin::Clear => drop(slot.take(m)),
            Pin::Pins => {
                let mut pins = self.pins.borrow_mut(m);
                pins.push(notice);
                if pins.len() > 12 {
                    pins.drain(..10).for_each(|old| old.whole());
                }
            }
        }
    }

    /// Fills the wall with new notices, each in several places: for those who copy together to meet at them.
    pub(super) fn fill(&self, m: &'gc Mutator, maker: &mut Maker) {
        let wall = Gc::as_ref(self.wall);
        for index in 0..MET {
            let Some(notice) = maker.blank(m) else { return };
            wall.iter().skip(index).step_by(MET).for_each(|slot| slot.set(m, Some(notice)));
        }
    }

    /// What is at a place.
    pub(super) fn at(&self, place: u32) -> Option<Gc<'gc, Notice<'gc>>> {
        self.place(place).get()
    }

    /// Reads on from a place, by ways that others are changing.
    pub(super) fn read(&self, m: &'gc Mutator, place: u32, mut steps: u32) {
        let mut at = match place % 5 {
            0 => {
                let pins = self.pins.borrow(m);
                pins.iter().for_each(|notice| notice.whole());
                pins.iter().rev().nth(steps as usize % 12).copied()
            }
            1 => {
                let last = self.last.borrow(m);
                last.by.iter().for_each(|notice| notice.whole());
                assert_eq!(last.count, last.again, "somebody writes while this thread reads");
                last.by
            }
            _ => self.at(place),
        };
        for _ in 0..12 {
            let Some(notice) = at else { return };
            notice.whole();
            let notice = Gc::as_ref(notice);
            at = match steps % 3 {
                0 => notice.next.get(),
                1 => notice.before().or_else(|| notice.next.get()),
                _ => notice.bag.borrow(m).last().copied(),
            };
            steps = steps.rotate_right(3);
        }
    }

    /// Raises each counter by one.
    pub(super) fn raise(&self, m: &'gc Mutator, by: Option<Gc<'gc, Notice<'gc>>>) {
        for counter in Gc::as_ref(self.counters) {
            *counter.borrow_mut(m) += 1;
        }
        let mut last = self.last.borrow_mut(m);
        last.count += 1;
        if let Some(old) = last.by {
            old.whole();
        }
        last.by = by.or(last.by);
        last.again += 1;
    }

    /// Moves coins between a purse and a place.
    pub(super) fn deal(&self, m: &'gc Mutator, purse: &mut Purse<'gc>, place: u32, deal: Deal, maker: &mut Maker) {
        let slot = &Gc::as_ref(self.boxes)[place as usize % BOXES];
        match deal {
            Deal::Swap => {
                let mine = purse.pop();
                purse.extend(slot.swap(m, mine));
            }
            Deal::Take => purse.extend(slot.take(m)),
            Deal::Exchange => {
                let (theirs, mine) = (slot.get(), purse.pop());
                // Time for others to come between: here, and in what follows.
                theirs.iter().for_each(|coin| coin.whole());
                purse.extend(slot.compare_exchange(m, theirs, mine).unwrap_or(mine));
            }
            Deal::Safe => {
                let mine = purse.pop();
                purse.extend(Gc::as_ref(self.safes)[place as usize % SAFES].replace(m, mine));
            }
            Deal::Put => self.chest.borrow_mut(m).extend(purse.pop()),
            Deal::Get => purse.extend(self.chest.borrow_mut(m).pop()),
            Deal::Change => {
                let mine = std::mem::take(purse);
                purse.extend(self.chest.replace(m, mine));
            }
            Deal::Push => {
                let Some(&coin) = purse.last() else { return };
                let Ok(link) = m.try_alloc(Link { coin, next: Slot::null() }) else { return };
                purse.pop();
                loop {
                    let head = self.pile.get();
                    link.next.set(m, head);
                    head.iter().for_each(|head| head.coin.whole());
                    if self.pile.compare_exchange(m, head, Some(link)).is_ok() {
                        break;
                    }
                }
            }
            Deal::Pop => {
                while let Some(head) = self.pile.get() {
                    let next = head.next.get();
                    head.coin.whole();
                    if self.pile.compare_exchange(m, Some(head), next).is_ok() {
                        purse.push(head.coin);
                        break;
                    }
                }
            }
            Deal::Recast => {
                let Some(old) = purse.last_mut() else { return };
                old.whole();
                if let Some(new) = maker.coin(m, old.number()) {
                    *old = new;
                }
            }
        }
        purse.iter().for_each(|coin| coin.whole());
    }

    /// Counts what is there, and checks the counters.
    pub(super) fn count(&self, m: &'gc Mutator, census: &mut Census<'gc>, raised: u64) {
        // The board and its slices.
        census.objects(8);
        let marks: HashSet<_> = self.marks.iter().map(WeakSlot::get).filter(|mark| mark.id().is_some()).collect();
        // Their weak cells.
        census.objects(marks.len());
        census.marks.extend(marks);
        census.ties.extend(self.ties.iter().filter_map(|tie| tie.get(m)));
        let (wall, column) = (Gc::as_ref(self.wall), Gc::as_ref(self.column));
        wall.iter().chain(column).filter_map(Slot::get).for_each(|notice| census.notice(notice));
        self.pins.borrow(m).iter().for_each(|&notice| census.notice(notice));
        let last = self.last.get(m);
        last.by.into_iter().for_each(|notice| census.notice(notice));
        assert_eq!(last.count, raised, "the counter that names who raised it");
        for (index, counter) in self.counters.iter().enumerate() {
            assert_eq!(counter.get(m), raised, "counter {index}");
        }
        let coins = Gc::as_ref(self.boxes).iter().filter_map(Slot::get);
        let safes = Gc::as_ref(self.safes).iter().filter_map(|safe| safe.get(m));
        coins.chain(safes).for_each(|coin| census.coin(coin));
        self.chest.borrow(m).iter().for_each(|&coin| census.coin(coin));
        let mut link = self.pile.get();
        while let Some(at) = link {
            census.objects(1);
            census.coin(at.coin);
            link = at.next.get();
        }
    }
}

/// What a weak reference leads to, which is whole.
fn whole<'gc>(m: &'gc Mutator, mark: Weak<'gc, Notice<'gc>>) -> Option<Gc<'gc, Notice<'gc>>> {
    mark.upgrade(m).inspect(|notice| notice.whole())
}
