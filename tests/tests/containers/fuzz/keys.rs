//! Keys and hashers of the maps: user code in each of their methods.

use std::{
    borrow::Borrow,
    cell::Cell,
    cmp::Ordering,
    fmt::Debug,
    hash::{BuildHasher, DefaultHasher, Hash, Hasher},
};

use gc_core::{
    Trace,
    collections::{BTreeMap, HashMap},
};

use super::{
    elements::{Bomb, Element, compare},
    table::{Source, run_both},
    user::{draw, lies, user},
};

pub type Hashed<K, T> = HashMap<K, T, Hashing>;

thread_local! {
    /// Bits of a key that its hash has: few make long chains, and rehashes in place.
    static BITS: Cell<u64> = const { Cell::new(!0) };
}

pub fn hash_bits(bits: u64) {
    BITS.set(bits);
}

/// A key by which no other is found, as it is drawn: there are few.
pub fn some_key<K: Key>() -> K {
    K::new(draw(KEYS))
}

pub const KEYS: u64 = 128;

/// A key. Those that are `Copy` have forms of `extend` of their own.
pub trait Key: Hash + Ord + Clone + Debug {
    fn new(number: u64) -> Self;
    fn number(&self) -> u64;
    /// Methods that look up by a borrowed type.
    fn look_up_hashed<T: Element>(map: &mut Hashed<Self, T>, source: &Source<T>);
    fn look_up_ordered<T: Element>(map: &mut BTreeMap<Self, T>, source: &Source<T>);

    fn extend_hashed<T: Element + Copy>(_: &mut Hashed<Self, T>, _: &Source<T>) {}
    fn extend_ordered<T: Element + Copy>(_: &mut BTreeMap<Self, T>, _: &Source<T>) {}
}

/// A key without drop glue.
#[derive(Trace, Clone, Copy, Debug)]
#[trace(leaf)]
pub struct Number(u64);

/// A key that is cloned and dropped by user code.
#[derive(Trace, Clone, Debug)]
#[trace(leaf)]
pub struct Label(u64, Bomb);

impl Key for Number {
    fn new(number: u64) -> Self {
        Self(number)
    }

    fn number(&self) -> u64 {
        self.0
    }

    fn look_up_hashed<T: Element>(map: &mut Hashed<Self, T>, source: &Source<T>) {
        match draw(4) {
            0 => drop(map.get_mut(&draw(KEYS)).map(|element| *element = source.by_user())),
            1 => drop(map.get_disjoint_mut([&draw(KEYS), &draw(KEYS)]).map(|element| element.map(|e| e.read()))),
            2 => drop(map.remove(&draw(KEYS))),
            _ => drop(map.remove_entry(&draw(KEYS))),
        }
    }

    fn look_up_ordered<T: Element>(map: &mut BTreeMap<Self, T>, source: &Source<T>) {
        match draw(5) {
            0 => drop(map.get_mut(&draw(KEYS)).map(|element| *element = source.by_user())),
            1 => run_both(map.range_mut(draw(KEYS)..).map(|(_, element)| *element = source.by_user())),
            2 => drop(map.remove(&draw(KEYS))),
            3 => drop(map.remove_entry(&draw(KEYS))),
            _ => drop(map.split_off(&draw(KEYS))),
        }
    }

    fn extend_hashed<T: Element + Copy>(map: &mut Hashed<Self, T>, source: &Source<T>) {
        let entries: Vec<(Self, T)> = source.few().into_iter().map(|element| (some_key(), element)).collect();
        map.extend(entries.iter().map(|(key, element)| (key, element)).inspect(|_| user()));
    }

    fn extend_ordered<T: Element + Copy>(map: &mut BTreeMap<Self, T>, source: &Source<T>) {
        let entries: Vec<(Self, T)> = source.few().into_iter().map(|element| (some_key(), element)).collect();
        map.extend(entries.iter().map(|(key, element)| (key, element)).inspect(|_| user()));
    }
}

impl Key for Label {
    fn new(number: u64) -> Self {
        Self(number, Bomb::new())
    }

    fn number(&self) -> u64 {
        self.1.check();
        self.0
    }

    fn look_up_hashed<T: Element>(map: &mut Hashed<Self, T>, source: &Source<T>) {
        match draw(4) {
            0 => drop(map.get_mut(&draw(KEYS)).map(|element| *element = source.by_user())),
            1 => drop(map.get_disjoint_mut([&draw(KEYS), &draw(KEYS)]).map(|element| element.map(|e| e.read()))),
            2 => drop(map.remove(&draw(KEYS))),
            _ => drop(map.remove_entry(&draw(KEYS))),
        }
    }

    fn look_up_ordered<T: Element>(map: &mut BTreeMap<Self, T>, source: &Source<T>) {
        match draw(5) {
            0 => drop(map.get_mut(&draw(KEYS)).map(|element| *element = source.by_user())),
            1 => run_both(map.range_mut(draw(KEYS)..).map(|(_, element)| *element = source.by_user())),
            2 => drop(map.remove(&draw(KEYS))),
            3 => drop(map.remove_entry(&draw(KEYS))),
            _ => drop(map.split_off(&draw(KEYS))),
        }
    }
}

macro_rules! compared {
    ($($key:ident),+) => { $(
        impl PartialEq for $key {
            fn eq(&self, other: &Self) -> bool {
                user();
                compare(self.number(), other.number()).is_eq()
            }
        }

        impl Eq for $key {}

        impl PartialOrd for $key {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $key {
            fn cmp(&self, other: &Self) -> Ordering {
                user();
                compare(self.number(), other.number())
            }
        }

        impl Hash for $key {
            fn hash<H: Hasher>(&self, state: &mut H) {
                user();
                state.write_u64(if lies() { draw(KEYS) } else { self.number() & BITS.get() });
            }
        }

        /// By user code that does not agree with the order of the keys.
        impl Borrow<u64> for $key {
            fn borrow(&self) -> &u64 {
                user();
                &self.0
            }
        }
    )+ };
}

compared!(Number, Label);

/// Makes hashers that are the same in each run.
#[derive(Trace, Debug)]
#[trace(leaf)]
pub struct Hashing;

impl Default for Hashing {
    fn default() -> Self {
        user();
        Self
    }
}

impl Clone for Hashing {
    fn clone(&self) -> Self {
        user();
        Self
    }
}

impl BuildHasher for Hashing {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        user();
        DefaultHasher::new()
    }
}
