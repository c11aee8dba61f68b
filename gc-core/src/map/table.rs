//! A table of a map: open addressing, linear probing.
//!
//! Slots lie in groups of seven ([`slots`](super::slots)). The *run* of a key is the slots from the
//! first one of its home on (the group that the upper bits of the hash say), around the end, up to
//! the first one that is empty or CLOSED. Each slot goes through these states, by
//! compare-and-exchanges of nodes:
//!
//! ```text
//! empty ──▶ ENTRY ──▶ ENTRY (another value) ──▶ MOVING ──▶ MOVED
//!   │         ├──────────▶ REMOVED ◀─── (no place) ─┘
//!   └▶ CLOSED └──▶ GONE ──▶ ENTRY of the same key, or REMOVED
//! ```
//!
//! # Invariants
//!
//! - **[concurrent-map.fresh]** A node that is stored was made for that, is stored in one slot of a
//!   table at most once, and lives while a thread can compare with it. So what a
//!   compare-and-exchange finds unchanged has not changed meanwhile. (Nodes without content are
//!   shared; no slot leaves them.)
//! - **[concurrent-map.one-slot]** A slot that was used is never empty again, and has entries of
//!   one key only, and of one hash. A new entry goes into the first empty slot of its run, so of
//!   two threads that add one key to a table one finds the other's entry there. Of all slots that a
//!   key had in a table, the last one alone may have an entry. (If `Eq` lies, keys are what it
//!   makes of them: a key may be there twice, and all else holds.)
//! - **[concurrent-map.again]** Each removal leaves a slot in use, so a key that is removed and
//!   added again and again would make its run longer and longer. An entry that lies behind three
//!   removed ones of its tag becomes GONE: its key comes back to this slot, and to no other one of
//!   the table. Its value is garbage when that happens, or when the table moves. Who makes it ENTRY
//!   again has reserved a slot first, and gives it back.
//! - **[concurrent-map.order]** No slot of a table begins to move before the table that moves there
//!   is done with all its slots. So a thread that goes from table to table sees one move at a time.
//! - **[concurrent-map.move]** An entry becomes MOVING, with a place in the next table that was
//!   empty; the entry is stored there if the place is empty still; the slot becomes MOVED. If
//!   another entry has taken the place, the slot gets another one. While a slot is MOVING its entry
//!   is what the key has: a thread that would change it in the next table helps to make the slot
//!   MOVED first. A thread that is late finds the place in use, as no slot is emptied, and the slot
//!   MOVED.
//! - **[concurrent-map.close]** A thread adds a key to the next table after it has closed the key's
//!   run in this one: it makes the slot that the key may come back to REMOVED, and the empty slot
//!   CLOSED. So a thread that comes to an empty slot, and has passed none that is MOVED, knows that
//!   the key was nowhere then.
//! - **[concurrent-map.lies]** `Eq` may say that an entry has another key than it has. A thread
//!   that goes to the next table to change a slot there first moves the entries of the run whose
//!   hash is that of its key, so an entry that it takes for another one is MOVED before it is
//!   changed.
//!
//! - **[concurrent-map.home]** A reader may have its answer from the home alone. An entry of its key
//!   is the only one that the key has in the table, whatever the slots before it hold. A home
//!   without the key's tag whose first slot without a tag is empty says that the key was nowhere
//!   when that slot was read: the slots before it have never had the key, or have lost it for good
//!   ([concurrent-map.dead-tags]); none behind it was used ([concurrent-map.one-slot]); and the run
//!   was not closed. (That slot may be CLOSED, or have an entry whose tag is late: then it says
//!   nothing.)
//!
//! A reader goes along the run ([`probe`](super::probe)). What it finds as ENTRY or MOVING is what the key has, at that
//! moment. At the end of the run it is told by an empty slot that the key is not there, unless it
//! has passed a slot that is MOVED: then, and at a CLOSED one, it looks in the next table. So it
//! writes nothing, and waits for nobody. All loads are Acquire and all stores Release, as those of
//! every `Slot`.
//!
//! Each step of a move ([`moving`](super::moving)) is done by the thread that comes to it: a thread
//! that stops anywhere keeps no other one from going on.

use crate::{
    Gc, Leaf, Mutator, Slot, Trace,
    mutator::AllocError,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mutant,
    },
};

use super::{
    counts::{Counts, Reserved},
    head::{Head, Progress, Shared},
    memory::{Memory, lost},
    node::Node,
    slots::{Group, Place as At, SEGMENT, SLOTS},
};

/// A table. An index says a slot: the number of its group, and in the lowest three bits that of the
/// slot there.
pub(crate) struct Table<'gc, K, V>(pub(crate) Gc<'gc, Head<'gc, K, V>>);

/// The pointer to a node.
pub(crate) type NodeRef<'gc, K, V> = Gc<'gc, Node<'gc, K, V>>;

/// An entry that was found, and the slot of a table that it was found in.
pub(crate) struct Found<'gc, K, V> {
    pub(crate) table: Table<'gc, K, V>,
    pub(crate) index: usize,
    /// What the slot holds: the entry, or that it is moving.
    pub(crate) node: NodeRef<'gc, K, V>,
    pub(crate) entry: NodeRef<'gc, K, V>,
}

/// Whether the key of an entry that is removed may be added again ([concurrent-map.again]).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    Perhaps,
    /// No key is equal to it: its entry is of a weak table.
    Never,
}

/// What became of an entry that a thread would store or remove.
#[must_use]
pub(crate) enum Outcome {
    Done,
    /// It is removed, and the table is nearly empty.
    Sparse,
    /// The slot has changed: the key is to be looked up again.
    Changed,
    /// The table has no room for another key.
    Full,
}

/// What a thread that would write found: the key's entry, or the slot for it, which is empty, or
/// holds what the key has left there.
pub(crate) enum Place<'gc, K, V> {
    Taken(Found<'gc, K, V>),
    Free { table: Table<'gc, K, V>, index: usize, left: Option<NodeRef<'gc, K, V>> },
    Full(Table<'gc, K, V>),
}

impl<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc> Table<'gc, K, V> {
    /// Makes a table with room for `entries`.
    pub(crate) fn first(memory: Memory<'gc>, entries: usize) -> Result<Self, AllocError<()>> {
        let node = |node| memory.alloc(node).map_err(lost);
        let slots = (entries.saturating_mul(4) / 3).saturating_add(1);
        let shared = Shared {
            least: groups_of(slots),
            len: Leaf(AtomicUsize::new(0)),
            moved: node(Node::Moved)?,
            closed: node(Node::Closed)?,
            removed: node(Node::Removed)?,
            closed_segment: memory.alloc_slice(0, |_| Group::new())?,
        };
        let shared = memory.alloc(shared).map_err(lost)?;
        Self::sized(memory, slots, shared)
    }

    /// Makes a table of at least so many slots, and no fewer than the map had at first.
    pub(super) fn sized(
        memory: Memory<'gc>,
        slots: usize,
        shared: Gc<'gc, Shared<'gc, K, V>>,
    ) -> Result<Self, AllocError<()>> {
        let groups = groups_of(slots).max(Gc::as_ref(shared).least);
        // The segment of a small table is made with it, and no larger than needed.
        let only = if groups <= SEGMENT { Some(memory.alloc_slice(groups, |_| Group::new())?) } else { None };
        let progress = Progress {
            next: Slot::null(),
            counts: Leaf(Counts::new(limit(groups * SLOTS))),
            begun: Leaf(AtomicUsize::new(0)),
            done: Leaf(AtomicUsize::new(0)),
            shared,
        };
        let head = Head {
            shift: 32 - groups.trailing_zeros(),
            mask: groups - 1,
            only,
            spine: memory.alloc_slice(if only.is_some() { 0 } else { groups.div_ceil(SEGMENT) }, |_| Slot::null())?,
            progress: memory.alloc(progress).map_err(lost)?,
        };
        Ok(Self(memory.alloc(head).map_err(lost)?))
    }

    /// Returns by how many bits a hash is shifted to find its home.
    #[inline(always)]
    pub(crate) fn shift(self) -> u32 {
        self.0.shift
    }

    /// Returns the number of groups: a power of two.
    #[inline(always)]
    pub(crate) fn groups(self) -> usize {
        self.0.mask + 1
    }

    /// Returns the number of slots.
    pub(crate) fn slots(self) -> usize {
        self.groups() * SLOTS
    }

    #[inline(always)]
    pub(super) fn group(self, group: usize) -> At<'gc, K, V> {
        let head = Gc::as_ref(self.0);
        let segment = match head.only {
            Some(segment) => segment,
            None => match Gc::as_ref(head.spine)[group / SEGMENT].get() {
                Some(segment) => segment,
                None => return At::Unmade,
            },
        };
        match Gc::as_ref(segment).get(group & (SEGMENT - 1)) {
            Some(group) => At::Group(group),
            None => At::Closed,
        }
    }

    #[inline]
    pub(crate) fn load(self, index: usize) -> Option<NodeRef<'gc, K, V>> {
        match self.group(index / 8) {
            At::Group(group) => group.slots[index % 8].get(),
            At::Unmade => None,
            At::Closed => Some(self.shared().closed),
        }
    }

    /// Makes the segment of a group, if it is not there. Returns false if its slots are CLOSED.
    #[inline]
    pub(super) fn ensure(self, memory: Memory<'gc>, group: usize) -> Result<bool, AllocError<()>> {
        match self.group(group) {
            At::Group(_) => Ok(true),
            At::Closed => Ok(false),
            At::Unmade => self.make_segment(memory, group),
        }
    }

    #[cold]
    #[inline(never)]
    fn make_segment(self, memory: Memory<'gc>, group: usize) -> Result<bool, AllocError<()>> {
        let segment = memory.alloc_slice(SEGMENT, |_| Group::new())?;
        if mutant::SEGMENT_IS_STORED.is_planted() {
            self.0.spine[group / SEGMENT].set(memory.mutator, Some(segment));
        }
        // If another thread was first, its segment is as good.
        let _ = self.0.spine[group / SEGMENT].compare_exchange(memory.mutator, None, Some(segment));
        Ok(!matches!(self.group(group), At::Closed))
    }

    #[inline]
    pub(super) fn exchange(
        self,
        m: &'gc Mutator,
        index: usize,
        from: Option<NodeRef<'gc, K, V>>,
        to: NodeRef<'gc, K, V>,
    ) -> Result<(), Option<NodeRef<'gc, K, V>>> {
        match self.group(index / 8) {
            At::Group(group) => group.slots[index % 8].compare_exchange(m, from, Some(to)).map(drop),
            // No thread stores a node before the segment is there.
            At::Unmade => Err(None),
            At::Closed => Err(Some(self.shared().closed)),
        }
    }

    #[inline]
    pub(super) fn set_tag(self, index: usize, hash: u32) {
        if let At::Group(group) = self.group(index / 8) {
            group.set_tag(index % 8, hash);
        }
    }

    /// Says that a slot has no entry any more, and gets none.
    fn clear_tag(self, index: usize) {
        if let At::Group(group) = self.group(index / 8) {
            group.clear_tag(index % 8);
        }
    }

    pub(super) fn progress(self) -> &'gc Progress<'gc, K, V> {
        Gc::as_ref(Gc::as_ref(self.0).progress)
    }

    pub(super) fn shared(self) -> &'gc Shared<'gc, K, V> {
        Gc::as_ref(self.progress().shared)
    }

    pub(crate) fn next(self) -> Option<Self> {
        self.progress().next.get().map(Self)
    }

    /// Returns how many entries the map of this table has.
    pub(crate) fn len(self) -> usize {
        // Relaxed: the number says nothing about the entries. It may be below zero where a removal was counted before the entry was.
        (self.shared().len.load(Ordering::Relaxed) as isize).max(0) as usize
    }

    /// Returns whether the table has no room for another key.
    pub(crate) fn is_full(self) -> bool {
        self.progress().counts.is_full()
    }

    /// Returns whether it would be worth it to move to a smaller table.
    pub(super) fn is_sparse(self) -> bool {
        self.is_nearly_empty(self.progress().counts.live())
    }

    /// Returns whether so many entries are few for this table.
    fn is_nearly_empty(self, live: u32) -> bool {
        live < self.progress().counts.limit() / 8 && self.groups() > self.shared().least
    }

    /// Returns whether a slot of the run of `hash` lies behind many slots of removed entries of its
    /// tag.
    fn lies_behind_many(self, hash: u32, index: usize) -> bool {
        let (home, last) = (self.home(hash), index / 8);
        let groups = (last.wrapping_sub(home) & self.0.mask) + 1;
        let removed = |nth: usize| match self.group((home + nth) & self.0.mask) {
            At::Group(group) => group.removed_like(hash),
            At::Unmade | At::Closed => 0,
        };
        let mut sum = 0;
        // The first groups are enough, if there are many.
        (0..groups).any(|nth| {
            sum += removed(nth);
            sum >= MANY_REMOVED
        })
    }

    fn count(self, change: isize) {
        // Relaxed: see `len`.
        self.shared().len.fetch_add(change as usize, Ordering::Relaxed);
    }

    /// Returns the home of a hash.
    #[inline(always)]
    pub(crate) fn home(self, hash: u32) -> usize {
        // 64 bits: the shift is 32 where there is one group.
        (u64::from(hash) >> self.shift()) as usize
    }

    /// Returns the slots of a run, as far as it may go.
    pub(super) fn run(self, hash: u32) -> impl Iterator<Item = usize> {
        let (home, mask) = (self.home(hash), self.0.mask);
        (0..=mask).flat_map(move |nth| slots_of((home + nth) & mask))
    }

    /// Puts a new entry into a slot that is empty, or holds what its key has `left` there.
    pub(crate) fn add(
        self,
        m: &'gc Mutator,
        index: usize,
        left: Option<NodeRef<'gc, K, V>>,
        hash: u32,
        entry: NodeRef<'gc, K, V>,
    ) -> Outcome {
        let counts = &self.progress().counts;
        if counts.reserve() == Reserved::Full {
            return Outcome::Full;
        }
        if mutant::TAG_COMES_FIRST.is_planted() {
            self.set_tag(index, hash);
        }
        if mutant::KEY_IS_ADDED_BY_A_STORE.is_planted() {
            if let At::Group(group) = self.group(index / 8) {
                group.slots[index % 8].set(m, Some(entry));
            }
        } else if self.exchange(m, index, left, entry).is_err() {
            if !counts.give_back() {
                self.count_late();
            }
            return Outcome::Changed;
        }
        if left.is_some() {
            counts.count_used_again();
        } else {
            self.set_tag(index, hash);
        }
        self.count(1);
        Outcome::Done
    }
}

impl<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc> Found<'gc, K, V> {
    /// Puts another entry of the same key in the place of this one, unless the slot has changed.
    #[inline]
    pub(crate) fn replace(&self, memory: Memory<'gc>, entry: NodeRef<'gc, K, V>) -> Result<Outcome, AllocError<()>> {
        if !Gc::ptr_eq(self.node, self.entry) {
            if let Some(next) = self.table.next() {
                self.table.move_slot(memory, self.index, next)?;
            }
            return Ok(Outcome::Changed);
        }
        let replaced = self.table.exchange(memory.mutator, self.index, Some(self.node), entry);
        Ok(if replaced.is_ok() { Outcome::Done } else { Outcome::Changed })
    }

    /// Removes the entry, unless the slot has changed. Its slot is kept for its key, if that may
    /// return, and lies behind many that were not kept.
    pub(crate) fn remove(&self, m: &'gc Mutator, returns: Return) -> Outcome {
        let table = self.table;
        if let (Node::Moving { entry, place }, Some(next)) = (Gc::as_ref(self.node), table.next())
            && table.arrive(m, self.index, self.node, *entry, *place as usize, next)
        {
            return Outcome::Changed;
        }
        let mut left = table.shared().removed;
        // A model has no room for many.
        if returns == Return::Perhaps
            && let Node::Entry { hash, .. } = Gc::as_ref(self.node)
            && (cfg!(any(gc_loom, gc_shuttle)) || table.lies_behind_many(*hash, self.index))
        {
            // A removal does not fail for want of memory: the slot is lost then.
            left = Memory::of_try_alloc(m).alloc(Node::Gone { entry: self.entry }).unwrap_or(left);
        }
        if mutant::TAG_GOES_FIRST.is_planted() {
            table.clear_tag(self.index);
        }
        // The entry lies here, or has not come to its place and never does.
        if table.exchange(m, self.index, Some(self.node), left).is_err() {
            return Outcome::Changed;
        }
        if let Node::Removed = Gc::as_ref(left) {
            table.clear_tag(self.index);
        }
        table.count(-1);
        match table.progress().counts.count_removed(1) {
            // A table that is nearly empty moves to a smaller one.
            Some(live) if table.is_nearly_empty(live) => Outcome::Sparse,
            Some(_) => Outcome::Done,
            None => {
                table.count_late();
                Outcome::Done
            }
        }
    }
}

impl<K, V> Clone for Table<'_, K, V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<'_, K, V> {}

/// Slots of removed entries in a run, behind which a key comes back to its slot.
const MANY_REMOVED: u32 = 3;

/// The groups of the largest table.
const MOST: usize = 1 << 28;

/// Returns how many groups a table of at least so many slots has.
fn groups_of(slots: usize) -> usize {
    let groups = slots.div_ceil(SLOTS).max(1).checked_next_power_of_two().filter(|&groups| groups <= MOST);
    groups.unwrap_or_else(|| panic!("expected a map of at most {} slots, found that more are needed", MOST * SLOTS))
}

/// Returns how many of so many slots may be used.
fn limit(slots: usize) -> u32 {
    (slots - slots / 4) as u32
}

/// Returns the slots of a group.
pub(crate) fn slots_of(group: usize) -> impl Iterator<Item = usize> {
    8 * group..8 * group + SLOTS
}
