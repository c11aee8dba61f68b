//! What mutators share: coins and notices, whole for whoever reads them.

use gc_core::{Gc, GcCell, Mutator, Slot, Trace};

use super::super::objects::{tag, text};
use crate::{
    ledger::{Ledger, Token},
    random::mix,
};

/// Coins in hand.
pub(super) type Purse<'gc> = Vec<Gc<'gc, Coin<'gc>>>;

/// A number of its own for each object, and one that follows from it.
#[derive(Trace)]
#[trace(leaf)]
struct Stamp {
    serial: usize,
    check: u64,
}

/// Something of which there is one.
#[derive(Trace)]
pub(super) struct Coin<'gc> {
    stamp: Stamp,
    number: u64,
    metal: Gc<'gc, [u64]>,
}

/// Something that points to others of its kind, and that anybody may write to.
#[derive(Trace)]
pub(super) struct Notice<'gc> {
    stamp: Stamp,
    token: Token,
    body: Body<'gc>,
    /// How many `before` there are behind it: few, so that notices die.
    depth: usize,
    before: Option<Gc<'gc, Notice<'gc>>>,
    pub(super) next: Slot<'gc, Notice<'gc>>,
    pub(super) bag: GcCell<Vec<Gc<'gc, Notice<'gc>>>>,
}

/// What a notice says, which follows from its serial number.
#[derive(Trace, Clone, Copy)]
enum Body<'gc> {
    Nothing,
    Text(Gc<'gc, str>),
    Words(Gc<'gc, [u64]>),
    /// Large.
    Sheet(Gc<'gc, [u64; SHEET]>),
    /// With a destructor.
    Seal(Gc<'gc, Seal>),
}

#[derive(Trace)]
struct Seal {
    number: usize,
    token: Token,
}

/// Of so many serial numbers, those that begin have no body.
const BODIES: usize = 16;
const SHEET: usize = 1100;

/// The most notices that are behind one and cannot be cut off.
const DEPTH: usize = 5;

/// Makes the objects of one thread.
pub(super) struct Maker {
    serial: usize,
    ledger: Ledger,
}

impl Stamp {
    fn of(serial: usize, about: u64) -> Self {
        Self { serial, check: mix(serial as u64 ^ mix(about)) }
    }

    fn check(&self, about: u64) {
        assert_eq!(self.check, Self::of(self.serial, about).check, "the stamp of object {} about {about}", self.serial);
    }
}

/// What the stamps of notices are about. Those of coins are about their numbers.
const NOTICE: u64 = u64::MAX;

/// Some words of an object.
fn words(serial: usize) -> usize {
    [0, 1, 3, 20, 60][serial % 5]
}

impl Maker {
    /// For the thread of a number. Serial numbers of two threads never meet.
    pub(super) fn new(thread: usize, ledger: Ledger) -> Self {
        Self { serial: thread << 24, ledger }
    }

    /// One for a thread without a number, that makes less than a hundred objects.
    pub(super) fn lend(&mut self) -> Self {
        let serial = self.serial;
        self.serial += 100;
        Self { serial, ledger: self.ledger.clone() }
    }

    pub(super) fn token(&self) -> Token {
        self.ledger.token()
    }

    fn stamp(&mut self, about: u64) -> Stamp {
        self.serial += 1;
        Stamp::of(self.serial, about)
    }

    /// A coin, unless the limit forbids it. Whoever calls it sees to it that there is no other of the number.
    pub(super) fn coin<'gc>(&mut self, m: &'gc Mutator, number: u64) -> Option<Gc<'gc, Coin<'gc>>> {
        let stamp = self.stamp(number);
        let serial = stamp.serial;
        let metal = m.try_alloc_slice_with(words(serial), |index| tag(serial, index) ^ number).ok()?;
        m.try_alloc(Coin { stamp, number, metal }).ok()
    }

    /// A notice without a body, unless the limit forbids it.
    pub(super) fn blank<'gc>(&mut self, m: &'gc Mutator) -> Option<Gc<'gc, Notice<'gc>>> {
        self.serial = (self.serial + 1).next_multiple_of(BODIES) - 1;
        self.notice(m, None)
    }

    /// A notice, unless the limit forbids it.
    pub(super) fn notice<'gc>(
        &mut self,
        m: &'gc Mutator,
        before: Option<Gc<'gc, Notice<'gc>>>,
    ) -> Option<Gc<'gc, Notice<'gc>>> {
        let stamp = self.stamp(NOTICE);
        let serial = stamp.serial;
        let body = match serial % BODIES {
            0..4 => Body::Nothing,
            4..8 => Body::Text(m.try_alloc_str(&text(serial, words(serial))).ok()?),
            8..11 => Body::Words(m.try_alloc_slice_with(words(serial), |index| tag(serial, index)).ok()?),
            11 => Body::Sheet(m.try_alloc_with(|| std::array::from_fn(|index| tag(serial, index))).ok()?),
            _ => Body::Seal(m.try_alloc(Seal { number: serial, token: self.token() }).ok()?),
        };
        let before = before.filter(|before| before.depth < DEPTH);
        let depth = before.map_or(0, |before| before.depth + 1);
        let (next, bag) = (Slot::new(before), GcCell::default());
        m.try_alloc(Notice { stamp, token: self.token(), body, depth, before, next, bag }).ok()
    }
}

impl<'gc> Coin<'gc> {
    /// Checks it.
    pub(super) fn whole(&self) {
        self.stamp.check(self.number);
        let serial = self.stamp.serial;
        assert_eq!(self.metal.len(), words(serial), "the metal of coin {}", self.number);
        for (index, &word) in self.metal.iter().enumerate() {
            assert_eq!(word, tag(serial, index) ^ self.number, "word {index} of coin {}", self.number);
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl<'gc> Notice<'gc> {
    /// Checks it, without what it points to but its body.
    pub(super) fn whole(&self) {
        self.stamp.check(NOTICE);
        let serial = self.stamp.serial;
        match self.body {
            Body::Nothing => {}
            Body::Text(found) => assert!(*found == *text(serial, words(serial)), "the text of notice {serial}"),
            Body::Words(found) => check_words(serial, words(serial), &found),
            Body::Sheet(found) => check_words(serial, SHEET, &*found),
            Body::Seal(seal) => assert_eq!(seal.number, serial, "the seal of notice {serial}"),
        }
        assert_eq!(self.depth, self.before.map_or(0, |before| before.depth + 1), "the depth of notice {serial}");
    }

    pub(super) fn serial(&self) -> usize {
        self.stamp.serial
    }

    pub(super) fn before(&self) -> Option<Gc<'gc, Notice<'gc>>> {
        self.before
    }

    /// Tokens of it and of its body.
    pub(super) fn tokens(&self) -> impl Iterator<Item = usize> {
        let seal = if let Body::Seal(seal) = self.body { Some(seal.token.number()) } else { None };
        [Some(self.token.number()), seal].into_iter().flatten()
    }

    /// Objects that are its own: itself and its body.
    pub(super) fn objects(&self) -> usize {
        if matches!(self.body, Body::Nothing) { 1 } else { 2 }
    }
}

fn check_words(serial: usize, len: usize, found: &[u64]) {
    assert_eq!(found.len(), len, "the words of notice {serial}");
    for (index, &word) in found.iter().enumerate().step_by(if len > 100 { 67 } else { 1 }) {
        assert_eq!(word, tag(serial, index), "word {index} of notice {serial}");
    }
}
