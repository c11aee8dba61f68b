//! What a table has beside its slots.

#[cfg(not(any(gc_loom, gc_shuttle)))]
use crate::Trace;
use crate::{Gc, Leaf, Slot, sync::atomic::AtomicUsize};

use super::{
    counts::Counts,
    node::Node,
    slots::{Segment, Spine},
};

/// A table, as all threads see it: it does not change.
#[cfg_attr(not(any(gc_loom, gc_shuttle)), derive(Trace))]
pub(crate) struct Head<'gc, K, V> {
    /// A hash is shifted by so many bits to find its home.
    pub(crate) shift: u32,
    /// The number of groups, less one: all its bits are set.
    pub(crate) mask: usize,
    /// The segment of a table that has one, whose spine is empty: readers need not look into it.
    pub(crate) only: Option<Gc<'gc, Segment<'gc, K, V>>>,
    pub(crate) spine: Gc<'gc, Spine<'gc, K, V>>,
    /// Apart from what readers look at, as it is written.
    pub(crate) progress: Gc<'gc, Progress<'gc, K, V>>,
}

/// What only writers look at, and readers that have found that entries are moving.
#[cfg_attr(not(any(gc_loom, gc_shuttle)), derive(Trace))]
pub(crate) struct Progress<'gc, K, V> {
    /// The table that this one moves to; set once.
    pub(crate) next: Slot<'gc, Head<'gc, K, V>>,
    /// How many slots have been used, and how many of those for entries that were removed.
    pub(crate) counts: Leaf<Counts>,
    /// The groups that threads have begun to move, and those that they have moved.
    pub(crate) begun: Leaf<AtomicUsize>,
    pub(crate) done: Leaf<AtomicUsize>,
    /// What all tables of a map share.
    pub(crate) shared: Gc<'gc, Shared<'gc, K, V>>,
}

/// What all tables of a map share.
#[cfg_attr(not(any(gc_loom, gc_shuttle)), derive(Trace))]
pub(crate) struct Shared<'gc, K, V> {
    /// The groups that each of them has at least: those of the first one, for which the program has
    /// asked.
    pub(crate) least: usize,
    /// The entries that were put in, less those that were removed. It wraps.
    pub(crate) len: Leaf<AtomicUsize>,
    /// A node of each kind that says nothing else.
    pub(crate) moved: Gc<'gc, Node<'gc, K, V>>,
    pub(crate) closed: Gc<'gc, Node<'gc, K, V>>,
    pub(crate) removed: Gc<'gc, Node<'gc, K, V>>,
    /// A segment of no groups ([concurrent-map.segments]).
    pub(crate) closed_segment: Gc<'gc, Segment<'gc, K, V>>,
}
