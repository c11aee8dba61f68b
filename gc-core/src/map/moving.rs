//! The move of a table's entries to the next one: when the table is full, or nearly empty, each
//! write moves some slots, and who comes to a slot that moves helps with it. The invariants are
//! those of [`table`](super::table).

use crate::{Gc, Mutator, Trace, mutator::AllocError, sync::atomic::Ordering};

use super::{
    memory::{Memory, lost},
    node::Node,
    slots::{Place as At, SEGMENT},
    table::{NodeRef, Table, slots_of},
};

impl<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc> Table<'gc, K, V> {
    /// Moves the slots that no thread has begun to move, if this table moves: a few, or all.
    /// Returns whether all slots of the table have been moved.
    pub(crate) fn move_some(self, memory: Memory<'gc>, next: Self) -> Result<bool, AllocError<()>> {
        let (progress, groups) = (self.progress(), self.groups());
        // Relaxed: a number that says which groups this thread begins with. Slots may be moved twice.
        let step = STEP.min(groups);
        let first = progress.begun.fetch_add(step, Ordering::Relaxed);
        if first < groups {
            (first..first + step).try_for_each(|group| self.move_group(memory, group, next))?;
            // AcqRel: the thread that counts the last ones knows that all others are moved.
            return Ok(progress.done.fetch_add(step, Ordering::AcqRel) + step == groups);
        }
        // Who has begun with the rest has been refused memory, or does not run. After as many writes as the table took, this thread ends the move.
        if first < 2 * groups {
            return Ok(false);
        }
        progress.begun.store(groups, Ordering::Relaxed);
        self.move_all(memory, next)?;
        Ok(true)
    }

    /// Moves all slots.
    pub(crate) fn move_all(self, memory: Memory<'gc>, next: Self) -> Result<(), AllocError<()>> {
        (0..self.groups()).try_for_each(|group| self.move_group(memory, group, next))
    }

    fn move_group(self, memory: Memory<'gc>, group: usize, next: Self) -> Result<(), AllocError<()>> {
        slots_of(group).try_for_each(|index| self.move_slot(memory, index, next))
    }

    /// Moves a slot ([concurrent-map.move]). Returns when it is in a state that it does not leave.
    pub(crate) fn move_slot(self, memory: Memory<'gc>, index: usize, next: Self) -> Result<(), AllocError<()>> {
        let m = memory.mutator;
        loop {
            let Some(node) = self.load(index) else {
                if self.close_slot(m, index) {
                    return Ok(());
                }
                continue;
            };
            let (hash, entry) = match Gc::as_ref(node) {
                Node::Entry { hash, .. } => (*hash, node),
                Node::Moving { entry, place } => {
                    if self.arrive(m, index, node, *entry, *place as usize, next) {
                        continue;
                    }
                    let Some((hash, ..)) = Gc::as_ref(*entry).entry() else { unreachable!("what moves is an entry") };
                    (hash, *entry)
                }
                Node::Gone { .. } => {
                    // If the slot has changed, it is looked at again.
                    let _ = self.exchange(m, index, Some(node), self.shared().removed);
                    continue;
                }
                Node::Moved | Node::Closed | Node::Removed => return Ok(()),
            };
            match next.empty_slot(hash) {
                Some(place) if next.ensure(memory, place / 8)? => {
                    let moving = memory.alloc(Node::Moving { entry, place: place as u32 }).map_err(lost)?;
                    // If the slot has changed, it is looked at again.
                    let _ = self.exchange(m, index, Some(node), moving);
                }
                // There is room for each entry that has not been moved ([concurrent-map.room]): so this one has been.
                _ => debug_assert!(self.load(index).is_none_or(|now| !Gc::ptr_eq(now, node)), "no room to move"),
            }
        }
    }

    /// Makes a slot that is MOVING MOVED, after its entry has come to its place. Returns false if
    /// the place is another entry's, and the slot has not changed: then the entry comes to that
    /// place no more.
    pub(crate) fn arrive(
        self,
        m: &'gc Mutator,
        index: usize,
        moving: NodeRef<'gc, K, V>,
        entry: NodeRef<'gc, K, V>,
        place: usize,
        next: Self,
    ) -> bool {
        let is_there = match next.exchange(m, place, None, entry) {
            Ok(()) => true,
            Err(there) => there.is_some_and(|there| Gc::ptr_eq(there, entry)),
        };
        if is_there {
            if let Some((hash, ..)) = Gc::as_ref(entry).entry() {
                next.set_tag(place, hash);
            }
            // If the slot has changed, another thread has done this.
            let _ = self.exchange(m, index, Some(moving), self.shared().moved);
            return true;
        }
        // The place is in use. Had the entry been there, the slot would have been MOVED before the entry was replaced.
        self.load(index).is_none_or(|now| !Gc::ptr_eq(now, moving))
    }

    /// Returns the first empty slot of a run.
    fn empty_slot(self, hash: u32) -> Option<usize> {
        self.run(hash).find(|&index| self.load(index).is_none())
    }

    /// Makes the next table if there is none. This one is closed then, and has room for no more
    /// keys.
    pub(crate) fn make_next(self, memory: Memory<'gc>) -> Result<(), AllocError<()>> {
        let progress = self.progress();
        if progress.next.get().is_some() {
            return Ok(());
        }
        // A table that has just been made is half full at most. It is no smaller than a quarter of this one, so that there is room for the entries that
        // are added until the move is done.
        let sized = |live: u32| Self::sized(memory, (2 * live as usize).max(self.slots() / 4), progress.shared);
        // Before the counts are closed: where it is refused, the map goes on with the table that it has.
        let mut next = sized(progress.counts.live())?;
        let live = progress.counts.close();
        if 2 * live as usize > next.slots() {
            next = sized(live)?;
        }
        next.progress().counts.reserve_for_all(live);
        // If another thread was first, its table is as good.
        let _ = progress.next.compare_exchange(memory.mutator, None, Some(next.0));
        Ok(())
    }

    /// Moves the entries of a run that have this hash ([concurrent-map.lies]), as far as memory is
    /// there.
    #[cold]
    #[inline(never)]
    pub(super) fn move_run(self, m: &'gc Mutator, hash: u32, next: Self) {
        for index in self.run(hash) {
            let Some(node) = self.load(index).map(Gc::as_ref) else { return };
            let entry = match node {
                Node::Moving { entry, .. } => Gc::as_ref(*entry),
                Node::Closed => return,
                other => other,
            };
            if entry.entry().is_some_and(|(other, ..)| other == hash) {
                let _ = self.move_slot(Memory::of_try_alloc(m), index, next);
            }
        }
    }

    /// Makes an empty slot CLOSED, or all those of a segment that is not there. Returns whether it
    /// was still empty.
    pub(super) fn close_slot(self, m: &'gc Mutator, index: usize) -> bool {
        if let At::Unmade = self.group(index / 8) {
            return self.0.spine[index / 8 / SEGMENT]
                .compare_exchange(m, None, Some(self.shared().closed_segment))
                .is_ok();
        }
        self.exchange(m, index, None, self.shared().closed).is_ok()
    }

    /// Counts a removal, or a slot that was not used, after the counts were closed
    /// ([concurrent-map.late]).
    pub(super) fn count_late(self) {
        let mut table = self;
        while table.progress().counts.count_late() {
            let Some(next) = table.next() else { return };
            if next.progress().counts.count_removed(1).is_some() {
                return;
            }
            table = next;
        }
    }

    /// Tells the next table what was counted late in this one, which has been moved.
    pub(crate) fn hand_on(self, next: Self) {
        let late = self.progress().counts.take_late();
        if late > 0 && next.progress().counts.count_removed(late).is_none() {
            (0..late).for_each(|_| next.count_late());
        }
    }
}

/// The groups that a thread moves when it writes to a map whose table moves.
const STEP: usize = 2;
