//! What the containers hold: pointers that know what they lead to, with leaves that are cloned, compared and dropped by user code.

use std::{
    cell::Cell,
    cmp::Ordering,
    collections::{LinkedList, VecDeque},
    fmt::Debug,
};

use gc_core::{Gc, Mutator, Trace, collections::BTreeMap};
use gc_tests::random::mix;

use super::{
    keys::{Hashed, Key},
    table::Source,
    user::{draw, lies, user},
};

/// An object that tells whether it is one.
#[derive(Trace)]
#[trace(leaf)]
pub struct Payload {
    id: u64,
    check: u64,
}

thread_local! { static LAST: Cell<u64> = const { Cell::new(0) }; }

impl Payload {
    /// A new one, with the number that the pointer to it keeps.
    fn fresh(m: &Mutator) -> (Option<Gc<'_, Self>>, u64) {
        let id = LAST.get() + 1;
        LAST.set(id);
        (Some(m.alloc(Self { id, check: mix(id) })), id)
    }
}

/// Allocates what stale pointers would lead to: objects with the numbers of none.
pub fn fill(m: &Mutator) {
    for _ in 0..64 {
        m.alloc(Payload { id: !0, check: 0xDEAD });
    }
}

fn read(object: Option<Gc<'_, Payload>>, id: u64) {
    let Some(object) = object else { return assert_eq!(id, 0, "an element without an object: stale memory") };
    assert!(
        object.id == id && object.check == mix(id),
        "expected to read object {id} of a container, found {} with check {:#x}: the collector did not enumerate it",
        object.id,
        object.check,
    );
}

/// A leaf whose destructor and whose clone may panic. It owns memory, so that AddressSanitizer knows of a second drop.
#[derive(Trace)]
#[trace(leaf)]
#[derive(Debug)]
pub struct Bomb(Box<u64>);

impl Bomb {
    pub fn new() -> Self {
        Self(Box::new(0xB0B))
    }

    pub fn check(&self) {
        assert_eq!(*self.0, 0xB0B, "expected a leaf, found stale memory");
    }
}

impl Clone for Bomb {
    fn clone(&self) -> Self {
        user();
        self.check();
        Self(self.0.clone())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.check();
        *self.0 = 0xD0D;
        user();
    }
}

/// No drop glue, and `Copy`.
#[derive(Trace, Clone, Copy, Default)]
pub struct Plain<'gc> {
    object: Option<Gc<'gc, Payload>>,
    id: u64,
}

/// No drop glue; cloned by user code.
#[derive(Trace)]
pub struct Light<'gc> {
    object: Option<Gc<'gc, Payload>>,
    id: u64,
}

/// Cloned and dropped by user code.
#[derive(Trace)]
pub struct Heavy<'gc> {
    object: Option<Gc<'gc, Payload>>,
    id: u64,
    bomb: Bomb,
}

impl<'gc> Plain<'gc> {
    pub fn fresh(m: &'gc Mutator) -> Self {
        let (object, id) = Payload::fresh(m);
        Self { object, id }
    }
}

impl<'gc> Light<'gc> {
    pub fn fresh(m: &'gc Mutator) -> Self {
        let (object, id) = Payload::fresh(m);
        Self { object, id }
    }
}

impl<'gc> Heavy<'gc> {
    pub fn fresh(m: &'gc Mutator) -> Self {
        let (object, id) = Payload::fresh(m);
        Self { object, id, bomb: Bomb::new() }
    }
}

impl Clone for Light<'_> {
    fn clone(&self) -> Self {
        user();
        Self { ..*self }
    }
}

impl Clone for Heavy<'_> {
    fn clone(&self) -> Self {
        Self { bomb: self.bomb.clone(), ..*self }
    }
}

impl Default for Light<'_> {
    fn default() -> Self {
        user();
        Self { object: None, id: 0 }
    }
}

impl Default for Heavy<'_> {
    fn default() -> Self {
        user();
        Self { object: None, id: 0, bomb: Bomb::new() }
    }
}

/// What the operations know of an element. Those that need `Copy` are its own: they do nothing for the others.
pub trait Element: Clone + Ord + Default + Debug {
    /// Panics if it does not lead where it did at first.
    fn read(&self);

    fn copy_within(_: &mut [Self], _: &Source<Self>) {}
    fn copy_from_slice(_: &mut [Self], _: &Source<Self>) {}
    fn extend_vec(_: &mut Vec<Self>, _: &Source<Self>) {}
    fn extend_deque(_: &mut VecDeque<Self>, _: &Source<Self>) {}
    fn extend_list(_: &mut LinkedList<Self>, _: &Source<Self>) {}
    fn extend_hashed<K: Key>(_: &mut Hashed<K, Self>, _: &Source<Self>) {}
    fn extend_ordered<K: Key>(_: &mut BTreeMap<K, Self>, _: &Source<Self>) {}
}

impl Element for Plain<'_> {
    fn read(&self) {
        read(self.object, self.id);
    }

    fn copy_within(slice: &mut [Self], _: &Source<Self>) {
        let len = slice.len();
        slice.copy_within(super::user::span(len), super::user::below(len + 1));
    }

    fn copy_from_slice(slice: &mut [Self], source: &Source<Self>) {
        let others = source.as_many(slice.len());
        slice.copy_from_slice(&others);
    }

    fn extend_vec(vec: &mut Vec<Self>, source: &Source<Self>) {
        vec.extend(source.few().iter().inspect(|_| user()));
        vec.extend(&source.few());
    }

    fn extend_deque(queue: &mut VecDeque<Self>, source: &Source<Self>) {
        queue.extend(source.few().iter().inspect(|_| user()));
        queue.extend(&source.few());
    }

    fn extend_list(list: &mut LinkedList<Self>, source: &Source<Self>) {
        list.extend(source.few().iter().inspect(|_| user()));
    }

    fn extend_hashed<K: Key>(map: &mut Hashed<K, Self>, source: &Source<Self>) {
        K::extend_hashed(map, source);
    }

    fn extend_ordered<K: Key>(map: &mut BTreeMap<K, Self>, source: &Source<Self>) {
        K::extend_ordered(map, source);
    }
}

impl Element for Light<'_> {
    fn read(&self) {
        read(self.object, self.id);
    }
}

impl Element for Heavy<'_> {
    fn read(&self) {
        self.bomb.check();
        read(self.object, self.id);
    }
}

macro_rules! compared {
    ($($element:ident),+) => { $(
        impl PartialEq for $element<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for $element<'_> {}

        impl PartialOrd for $element<'_> {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $element<'_> {
            fn cmp(&self, other: &Self) -> Ordering {
                user();
                self.read();
                other.read();
                // Some are equal.
                compare(self.id / 2, other.id / 2)
            }
        }

        impl Debug for $element<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                user();
                write!(f, "{}", self.id)
            }
        }
    )+ };
}

compared!(Plain, Light, Heavy);

/// An order that now and then is not one.
pub fn compare(left: u64, right: u64) -> Ordering {
    if lies() { draw(3).cmp(&1) } else { left.cmp(&right) }
}
