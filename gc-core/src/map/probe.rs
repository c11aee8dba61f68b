//! How a key is looked up: along its run, from table to table.

use crate::{Gc, Mutator, Trace, mutator::AllocError, sync::mutant};

use super::{
    memory::Memory,
    node::Node,
    slots::Place as At,
    table::{Found, NodeRef, Place, Table},
};

/// The slot that the key may come back to ([concurrent-map.again]), and what it holds.
type Gone<'gc, K, V> = Option<(usize, NodeRef<'gc, K, V>)>;

/// How a run ends, in which the key was not found.
struct End {
    /// The empty slot that it ends at; `None` where it ends at a CLOSED one, or nowhere.
    empty: Option<usize>,
    /// Whether the key may be in the next table ([concurrent-map.close]).
    moves: bool,
    /// Whether there are entries of the same hash, which are not wanted ([concurrent-map.lies]).
    others: bool,
}

impl<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc> Table<'gc, K, V> {
    /// Goes along the run of `hash`, up to an entry that is `wanted`. For a thread that `ADDS`, it
    /// also finds the slot that the key may come back to.
    #[inline]
    fn probe<const ADDS: bool>(
        self,
        hash: u32,
        mut wanted: impl FnMut(NodeRef<'gc, K, V>, &'gc K) -> bool,
        gone: &mut Gone<'gc, K, V>,
    ) -> Result<Found<'gc, K, V>, End> {
        let mut end = End { empty: None, moves: false, others: false };
        let home = self.home(hash);
        let mut at = home;
        loop {
            let group = match self.group(at) {
                At::Group(group) => group,
                At::Unmade => return Err(End { empty: Some(8 * at), ..end }),
                At::Closed => break,
            };
            for slot in group.candidates(hash) {
                let Some(node) = group.slots[slot].get() else {
                    return Err(End { empty: Some(8 * at + slot), ..end });
                };
                let entry = match Gc::as_ref(node) {
                    Node::Entry { .. } => node,
                    Node::Moving { entry, .. } => *entry,
                    Node::Gone { entry } if ADDS => {
                        if let Node::Entry { hash: other, key, .. } = Gc::as_ref(*entry)
                            && *other == hash
                            && wanted(*entry, key)
                        {
                            *gone = Some((8 * at + slot, node));
                        }
                        continue;
                    }
                    Node::Closed => return Err(End { moves: true, ..end }),
                    kind => {
                        end.moves |= matches!(kind, Node::Moved);
                        continue;
                    }
                };
                if let Node::Entry { hash: other, key, .. } = Gc::as_ref(entry)
                    && *other == hash
                {
                    if wanted(entry, key) {
                        return Ok(Found { table: self, index: 8 * at + slot, node, entry });
                    }
                    end.others = true;
                }
            }
            at = (at + 1) & self.0.mask;
            if at == home {
                break;
            }
        }
        Err(End { moves: true, ..end })
    }

    /// Returns what `wanted` returns of the entry that it wants, from this table or those after it,
    /// and writes nothing ([concurrent-map.close]).
    #[inline(always)]
    pub(crate) fn find<R>(
        self,
        hash: u32,
        wanted: impl Fn(NodeRef<'gc, K, V>, &'gc K) -> Option<R> + Copy,
    ) -> Option<R> {
        // Most entries are the first ones of their tags in their homes, and do not move; most keys that are not there have homes with an empty
        // slot and none of their tags ([concurrent-map.home]).
        if let At::Group(group) = self.group(self.home(hash)) {
            let tags = group.tags();
            if let Some(slot) = tags.like(hash).next() {
                if let Some(node) = group.slots[slot].get()
                    && let Node::Entry { hash: other, key, .. } = Gc::as_ref(node)
                    && *other == hash
                    && let Some(found) = wanted(node, key)
                {
                    return Some(found);
                }
            } else if let Some(slot) = tags.unused().next()
                && Self::says_a_miss(group.slots[slot].get())
            {
                return None;
            }
        }
        // It gets a copy: what is called above stays in registers.
        self.find_along(hash, wanted)
    }

    /// Returns whether a home has not got a key, by the first of its slots without a tag, where no slot has the key's tag
    /// ([concurrent-map.home]).
    #[inline(always)]
    fn says_a_miss(first: Option<NodeRef<'gc, K, V>>) -> bool {
        match first.map(Gc::as_ref) {
            None => true,
            Some(Node::Closed) => mutant::CLOSED_HOME_IS_A_MISS.is_planted(),
            Some(_) => mutant::LATE_TAG_IS_A_MISS.is_planted(),
        }
    }

    /// Does the same for entries that are elsewhere.
    #[inline(never)]
    fn find_along<R>(self, hash: u32, wanted: impl Fn(NodeRef<'gc, K, V>, &'gc K) -> Option<R>) -> Option<R> {
        let mut found = None;
        let is_wanted = |entry, key| {
            found = wanted(entry, key);
            found.is_some()
        };
        self.follow(hash, is_wanted, |_, _| {})?;
        found
    }

    /// Returns the entry that is `wanted` to a thread that will change its slot ([concurrent-map.lies]).
    pub(crate) fn find_to_change(
        self,
        m: &'gc Mutator,
        hash: u32,
        wanted: impl FnMut(NodeRef<'gc, K, V>, &'gc K) -> bool,
    ) -> Option<Found<'gc, K, V>> {
        self.follow(hash, wanted, |table, next| table.move_run(m, hash, next))
    }

    /// Looks for an entry in this table and in those after it. Calls `leave` with a table that has
    /// other entries of the hash, and with the next one, before it goes there.
    #[inline(always)]
    fn follow(
        self,
        hash: u32,
        mut wanted: impl FnMut(NodeRef<'gc, K, V>, &'gc K) -> bool,
        leave: impl Fn(Self, Self),
    ) -> Option<Found<'gc, K, V>> {
        let mut table = self;
        loop {
            let end = match table.probe::<false>(hash, &mut wanted, &mut None) {
                Ok(found) => return Some(found),
                Err(end) => end,
            };
            if !end.moves {
                return None;
            }
            let next = table.next()?;
            if end.others {
                leave(table, next);
            }
            table = next;
        }
    }

    /// Returns the entry that is `wanted`, or the slot for it. Closes the run in each table before
    /// the last one.
    #[inline]
    pub(crate) fn locate(
        self,
        memory: Memory<'gc>,
        hash: u32,
        mut wanted: impl FnMut(NodeRef<'gc, K, V>, &'gc K) -> bool,
    ) -> Result<Place<'gc, K, V>, AllocError<()>> {
        let (m, mut table) = (memory.mutator, self);
        loop {
            let mut gone = None;
            let end = match table.probe::<true>(hash, &mut wanted, &mut gone) {
                Ok(found) => return Ok(Place::Taken(found)),
                Err(end) => end,
            };
            let Some(next) = table.next() else {
                return Ok(match (gone, end.empty) {
                    (Some((index, node)), _) => Place::Free { table, index, left: Some(node) },
                    // Otherwise the table has begun to move.
                    (None, Some(index)) if table.ensure(memory, index / 8)? => Place::Free { table, index, left: None },
                    (None, Some(_)) => continue,
                    (None, None) => Place::Full(table),
                });
            };
            if let Some((index, node)) = gone
                && !mutant::KEY_COMES_BACK_LATE.is_planted()
            {
                // If it has changed, the run is looked at again in any case.
                let _ = table.exchange(m, index, Some(node), table.shared().removed);
                continue;
            }
            let is_closed = |index| mutant::RUN_STAYS_OPEN.is_planted() || table.close_slot(m, index);
            if end.empty.is_none_or(is_closed) {
                if end.others {
                    table.move_run(m, hash, next);
                }
                table = next;
            }
        }
    }
}
