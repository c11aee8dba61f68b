//! The steps of a write, for maps of all kinds of keys: each makes a node, and stores it by one
//! compare-and-exchange, or looks again.

use core::ptr;

use crate::{
    Gc, Mutator, Trace,
    mutator::AllocError,
    sync::{mutant, spin_loop},
};

use super::{
    Cursor, GcMap,
    change::{Change, Exchange, Insert, InsertWith, NewKey, value_of},
    memory::Memory,
    table::{Found, NodeRef, Outcome, Place, Return, Table},
};

/// What a write found, and what it stored.
pub(super) struct Written<'gc, K, V> {
    pub(super) before: Option<NodeRef<'gc, K, V>>,
    pub(super) after: Option<NodeRef<'gc, K, V>>,
}

/// The entry of a key, and whether a call has put it in.
pub(super) struct Present<'gc, K, V> {
    pub(super) entry: NodeRef<'gc, K, V>,
    pub(super) is_new: bool,
}

impl<'gc, K, V, S> GcMap<'gc, K, V, S>
where
    K: Trace<At<'gc> = K> + 'gc,
    V: Trace<At<'gc> = V> + 'gc,
{
    /// Puts an entry in, and returns the one that it replaces. Gives key and value back if memory
    /// is refused.
    #[inline]
    #[expect(clippy::type_complexity, reason = "what was replaced, or what a refusal gives back")]
    pub(super) fn put<N: NewKey<'gc, V, Key = K>>(
        &self,
        memory: Memory<'gc>,
        hash: u32,
        key: N,
        value: V,
    ) -> Result<Option<NodeRef<'gc, K, V>>, AllocError<Option<(N, V)>>> {
        let mut insert = Insert::Values(key, value);
        match self.write(memory, hash, &mut insert) {
            Ok(written) => Ok(written.before),
            Err(error) => Err(AllocError { value: insert.values(), refused: error.refused }),
        }
    }

    /// Returns the entry of `key`, after putting one in if there was none. Gives the key back if
    /// memory is refused.
    pub(super) fn find_or_put<N: NewKey<'gc, V, Key = K>>(
        &self,
        memory: Memory<'gc>,
        hash: u32,
        key: N,
        make: impl FnOnce() -> V,
    ) -> Result<Present<'gc, K, V>, AllocError<Option<N>>> {
        let there =
            self.current().and_then(|table| table.find(hash, |entry, other| key.is(entry, other).then_some(entry)));
        if let Some(entry) = there {
            return Ok(Present { entry, is_new: false });
        }
        let mut insert = InsertWith::Ask(key, make);
        match self.write(memory, hash, &mut insert) {
            Ok(Written { before: Some(entry), .. }) => Ok(Present { entry, is_new: false }),
            Ok(Written { after: Some(entry), .. }) => Ok(Present { entry, is_new: true }),
            Ok(_) => unreachable!("there was an entry, or one was put in"),
            Err(error) => Err(AllocError { value: insert.key(), refused: error.refused }),
        }
    }

    /// Puts an entry in, in the place of the value `current`, or of none. Returns the new value, or
    /// the one that is there instead.
    pub(super) fn exchange<N: NewKey<'gc, V, Key = K>>(
        &self,
        memory: Memory<'gc>,
        hash: u32,
        (key, new): (N, V),
        current: Option<&'gc V>,
    ) -> Result<Result<&'gc V, Option<&'gc V>>, AllocError<()>> {
        let mut change = Exchange { insert: Insert::Values(key, new), current };
        let Written { before, after } = self.write(memory, hash, &mut change)?;
        Ok(after.map(value_of).ok_or(before.map(value_of)))
    }

    /// Puts what `make` makes of the entry that is `wanted` in its place. Returns the new entry,
    /// `None` if there is none to replace.
    pub(super) fn replace_found(
        &self,
        memory: Memory<'gc>,
        hash: u32,
        mut wanted: impl FnMut(NodeRef<'gc, K, V>, &'gc K) -> bool,
        mut make: impl FnMut(NodeRef<'gc, K, V>) -> Result<NodeRef<'gc, K, V>, AllocError<()>>,
    ) -> Result<Option<NodeRef<'gc, K, V>>, AllocError<()>> {
        loop {
            let Some(found) = self.find_to_change(memory.mutator, hash, &mut wanted) else { return Ok(None) };
            let entry = make(found.entry)?;
            if let Outcome::Done = found.replace(memory, entry)? {
                return Ok(Some(entry));
            }
        }
    }

    /// Removes the entry that is `wanted`, if its value is `current`. Returns the value that there
    /// is instead.
    pub(super) fn take_current(
        &self,
        m: &'gc Mutator,
        hash: u32,
        mut wanted: impl FnMut(NodeRef<'gc, K, V>, &'gc K) -> bool,
        current: &'gc V,
    ) -> Result<(), Option<&'gc V>> {
        loop {
            let found = self.find_to_change(m, hash, &mut wanted).ok_or(None)?;
            let value = value_of(found.entry);
            if !ptr::eq(value, current) {
                return Err(Some(value));
            }
            if self.take_out(m, &found, Return::Perhaps) {
                return Ok(());
            }
        }
    }

    /// Removes the entries for which `keep` returns false. `same` says whether two entries have one
    /// key.
    pub(super) fn retain_entries(
        &self,
        m: &'gc Mutator,
        returns: Return,
        same: impl Fn(NodeRef<'gc, K, V>, NodeRef<'gc, K, V>) -> bool,
        mut keep: impl FnMut(NodeRef<'gc, K, V>) -> bool,
    ) {
        let mut cursor = Cursor::new();
        while let Some(step) = self.step(&mut cursor, &same) {
            for entry in step {
                if !keep(entry)
                    && let Some((hash, ..)) = Gc::as_ref(entry).entry()
                {
                    self.take(m, hash, returns, |other, _| Gc::ptr_eq(other, entry));
                }
            }
        }
    }

    pub(super) fn write(
        &self,
        memory: Memory<'gc>,
        hash: u32,
        change: &mut impl Change<'gc, K, V>,
    ) -> Result<Written<'gc, K, V>, AllocError<()>> {
        let m = memory.mutator;
        self.help(m);
        loop {
            let table = match self.current() {
                Some(table) => table,
                None => self.make_table(memory)?,
            };
            match table.locate(memory, hash, |entry, key| change.is_key(entry, key))? {
                Place::Taken(found) => {
                    let before = Some(found.entry);
                    let Some(entry) = change.make(memory, hash, before)? else {
                        return Ok(Written { before, after: None });
                    };
                    if let Outcome::Done = found.replace(memory, entry)? {
                        return Ok(Written { before, after: Some(entry) });
                    }
                }
                Place::Free { table, .. } if table.is_full() => self.make_room(memory, table)?,
                Place::Free { table, index, left } => {
                    let Some(entry) = change.make(memory, hash, None)? else {
                        return Ok(Written { before: None, after: None });
                    };
                    match table.add(m, index, left, hash, entry) {
                        Outcome::Done => return Ok(Written { before: None, after: Some(entry) }),
                        Outcome::Full => self.make_room(memory, table)?,
                        Outcome::Changed | Outcome::Sparse => {}
                    }
                }
                Place::Full(table) => self.make_room(memory, table)?,
            }
        }
    }

    /// Removes the entry that is `wanted`.
    pub(super) fn take(
        &self,
        m: &'gc Mutator,
        hash: u32,
        returns: Return,
        mut wanted: impl FnMut(NodeRef<'gc, K, V>, &'gc K) -> bool,
    ) -> Option<NodeRef<'gc, K, V>> {
        loop {
            let found = self.find_to_change(m, hash, &mut wanted)?;
            if self.take_out(m, &found, returns) {
                return Some(found.entry);
            }
        }
    }

    /// Returns the entry that is `wanted`, for a thread that will change its slot. Moves some
    /// slots, if the map is moving to another table.
    fn find_to_change(
        &self,
        m: &'gc Mutator,
        hash: u32,
        wanted: impl FnMut(NodeRef<'gc, K, V>, &'gc K) -> bool,
    ) -> Option<Found<'gc, K, V>> {
        self.help(m);
        self.current()?.find_to_change(m, hash, wanted)
    }

    /// Removes an entry. Returns whether its slot had not changed.
    fn take_out(&self, m: &'gc Mutator, found: &Found<'gc, K, V>, returns: Return) -> bool {
        match found.remove(m, returns) {
            Outcome::Done => true,
            Outcome::Sparse => {
                // It may be refused: the map goes on with the table that it has.
                let _ = self.make_room(Memory::of_try_alloc(m), found.table);
                true
            }
            Outcome::Changed | Outcome::Full => false,
        }
    }

    /// Moves some slots, if the map is moving to another table.
    #[inline]
    fn help(&self, m: &'gc Mutator) {
        if let Some(table) = self.current()
            && let Some(next) = table.next()
        {
            self.move_some(m, table, next);
            while mutant::MOVE_IS_WAITED_FOR.is_planted()
                && self.current().is_some_and(|now| Gc::ptr_eq(now.0, table.0))
            {
                spin_loop();
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn move_some(&self, m: &'gc Mutator, table: Table<'gc, K, V>, next: Table<'gc, K, V>) {
        // What is refused here is done by a thread that cannot go on without.
        if let Ok(true) = table.move_some(Memory::of_try_alloc(m), next) {
            self.leave(m, table, next);
        }
    }

    /// Lets the threads begin at the next table: all slots of this one have been moved.
    pub(super) fn leave(&self, m: &'gc Mutator, table: Table<'gc, K, V>, next: Table<'gc, K, V>) {
        // If another thread was first, it has done the same.
        let _ = self.table.compare_exchange(m, Some(table.0), Some(next.0));
        table.hand_on(next);
    }

    #[cold]
    #[inline(never)]
    fn make_table(&self, memory: Memory<'gc>) -> Result<Table<'gc, K, V>, AllocError<()>> {
        let table = Table::first(memory, 0)?;
        match self.table.compare_exchange(memory.mutator, None, Some(table.0)) {
            Ok(_) => Ok(table),
            Err(other) => Ok(other.map_or(table, Table)),
        }
    }

    /// Begins to move a table that is full or nearly empty. If the move to that table is still
    /// under way, it is ended first ([concurrent-map.order]).
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&self, memory: Memory<'gc>, full: Table<'gc, K, V>) -> Result<(), AllocError<()>> {
        let Some(table) = self.current() else { return Ok(()) };
        if Gc::ptr_eq(table.0, full.0) {
            return table.make_next(memory);
        }
        if let Some(next) = table.next()
            && Gc::ptr_eq(next.0, full.0)
        {
            table.move_all(memory, next)?;
            self.leave(memory.mutator, table, next);
        }
        Ok(())
    }
}
