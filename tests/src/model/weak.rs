//! Weak references and ephemerons of the model's objects: of some kinds each, as targets, keys and values.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use gc_core::{Ephemeron, Gc, Mutator, Trace, Weak};

use super::{
    objects::{BigOwner, Item, Owner, Ref, Small, Unit},
    shrink::message,
};

/// A weak reference to any of some kinds: small, large, unsized, empty, with and without a destructor.
#[derive(Trace, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WeakOf<'gc> {
    Small(Weak<'gc, Small<'gc>>),
    Owner(Weak<'gc, Owner<'gc>>),
    BigOwner(Weak<'gc, BigOwner<'gc>>),
    Row(Weak<'gc, [Item<'gc>]>),
    Text(Weak<'gc, str>),
    Unit(Weak<'gc, Unit>),
}

/// An ephemeron of any of some kinds.
#[derive(Trace, Clone, Copy)]
pub(super) enum PairOf<'gc> {
    Small(Ephemeron<'gc, Small<'gc>, Small<'gc>>),
    Owner(Ephemeron<'gc, Owner<'gc>, Small<'gc>>),
    Row(Ephemeron<'gc, [Item<'gc>], Small<'gc>>),
    Text(Ephemeron<'gc, str, Small<'gc>>),
}

/// What `make` returns, or nothing if the heap's limit forbids it.
pub(super) fn unless_refused<T>(make: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(make))
        .map_err(|payload| {
            if !message(&*payload).contains("bytes were allocated since") {
                resume_unwind(payload);
            }
        })
        .ok()
}

impl<'gc> WeakOf<'gc> {
    /// One to an object, unless it is of another kind or the limit forbids it.
    pub(super) fn of(m: &'gc Mutator, target: Ref<'gc>) -> Option<Self> {
        unless_refused(|| {
            Some(match target {
                Ref::Small(object) => Self::Small(Gc::downgrade(object, m)),
                Ref::Owner(object) => Self::Owner(Gc::downgrade(object, m)),
                Ref::BigOwner(object) => Self::BigOwner(Gc::downgrade(object, m)),
                Ref::Row(object) => Self::Row(Gc::downgrade(object, m)),
                Ref::Text(object) => Self::Text(Gc::downgrade(object, m)),
                Ref::Unit(object) => Self::Unit(Gc::downgrade(object, m)),
                _ => return None,
            })
        })
        .flatten()
    }

    pub(super) fn upgrade(self, m: &'gc Mutator) -> Option<Ref<'gc>> {
        match self {
            Self::Small(weak) => weak.upgrade(m).map(Ref::Small),
            Self::Owner(weak) => weak.upgrade(m).map(Ref::Owner),
            Self::BigOwner(weak) => weak.upgrade(m).map(Ref::BigOwner),
            Self::Row(weak) => weak.upgrade(m).map(Ref::Row),
            Self::Text(weak) => weak.upgrade(m).map(Ref::Text),
            Self::Unit(weak) => weak.upgrade(m).map(Ref::Unit),
        }
    }

    pub(super) fn is_dead(self, m: &Mutator) -> bool {
        match self {
            Self::Small(weak) => weak.is_dead(m),
            Self::Owner(weak) => weak.is_dead(m),
            Self::BigOwner(weak) => weak.is_dead(m),
            Self::Row(weak) => weak.is_dead(m),
            Self::Text(weak) => weak.is_dead(m),
            Self::Unit(weak) => weak.is_dead(m),
        }
    }

    pub(super) fn id(self) -> Option<u64> {
        match self {
            Self::Small(weak) => weak.id(),
            Self::Owner(weak) => weak.id(),
            Self::BigOwner(weak) => weak.id(),
            Self::Row(weak) => weak.id(),
            Self::Text(weak) => weak.id(),
            Self::Unit(weak) => weak.id(),
        }
    }
}

impl<'gc> PairOf<'gc> {
    /// One of a key and a value, unless the key is of another kind or the limit forbids it.
    pub(super) fn of(m: &'gc Mutator, key: Ref<'gc>, value: Gc<'gc, Small<'gc>>) -> Option<Self> {
        match key {
            Ref::Small(key) => Ephemeron::try_new(m, key, value).ok().map(Self::Small),
            Ref::Owner(key) => Ephemeron::try_new(m, key, value).ok().map(Self::Owner),
            Ref::Row(key) => Ephemeron::try_new(m, key, value).ok().map(Self::Row),
            Ref::Text(key) => Ephemeron::try_new(m, key, value).ok().map(Self::Text),
            _ => None,
        }
    }

    pub(super) fn get(self, m: &'gc Mutator) -> Option<(Ref<'gc>, Ref<'gc>)> {
        let small = |(key, value)| (key, Ref::Small(value));
        match self {
            Self::Small(pair) => pair.get(m).map(|(key, value)| (Ref::Small(key), value)).map(small),
            Self::Owner(pair) => pair.get(m).map(|(key, value)| (Ref::Owner(key), value)).map(small),
            Self::Row(pair) => pair.get(m).map(|(key, value)| (Ref::Row(key), value)).map(small),
            Self::Text(pair) => pair.get(m).map(|(key, value)| (Ref::Text(key), value)).map(small),
        }
    }

    pub(super) fn is_dead(self, m: &Mutator) -> bool {
        match self {
            Self::Small(pair) => pair.is_dead(m),
            Self::Owner(pair) => pair.is_dead(m),
            Self::Row(pair) => pair.is_dead(m),
            Self::Text(pair) => pair.is_dead(m),
        }
    }
}
