//! What weak tables need of a map: their entries are found by a hash and a predicate, and a table
//! shrinks also when nobody writes to it.
//!
//! What the predicate says of an entry may change in a pause, from yes to no and never back: its
//! key was found dead. Within a step of a map there is no pause. So all steps that run between the
//! same two pauses find the same entries dead, and such an entry is to them one with a key of its
//! own, which nobody looks for: [concurrent-map.one-slot] holds. An entry that was removed is found
//! by nobody again, so no slot is kept for its key.

use crate::{Gc, Mutator, Trace, mutator::AllocError};

use super::{
    GcMap,
    change::Change,
    contents,
    iter::is_same,
    memory::{Memory, lost},
    node::Node,
    steps::Written,
    table::{NodeRef, Return},
};

/// The keys that a write has found and stored.
pub(crate) struct Put<'gc, K> {
    pub(crate) before: Option<&'gc K>,
    pub(crate) after: Option<&'gc K>,
}

/// Puts a key in where there is none that is wanted, or one that may be replaced.
struct By<'gc, K, W, R, M> {
    wanted: W,
    replaces: R,
    /// `None` once it was called.
    make: Option<M>,
    made: Option<NodeRef<'gc, K, ()>>,
}

impl<'gc, K, W, R, M> Change<'gc, K, ()> for By<'gc, K, W, R, M>
where
    K: Trace<At<'gc> = K> + 'gc,
    W: Fn(Option<&'gc K>, &K) -> bool,
    R: Fn(&'gc K) -> bool,
    M: FnOnce() -> Result<K, AllocError<()>>,
{
    #[inline]
    fn is_key(&self, _: NodeRef<'gc, K, ()>, key: &K) -> bool {
        (self.wanted)(self.made.map(|entry| contents(entry).0), key)
    }

    fn make(
        &mut self,
        memory: Memory<'gc>,
        hash: u32,
        before: Option<NodeRef<'gc, K, ()>>,
    ) -> Result<Option<NodeRef<'gc, K, ()>>, AllocError<()>> {
        if before.is_some_and(|before| !(self.replaces)(contents(before).0)) {
            return Ok(None);
        }
        if self.made.is_none()
            && let Some(make) = self.make.take()
        {
            let key = make()?;
            self.made = Some(memory.alloc(Node::Entry { hash, key, value: () }).map_err(lost)?);
        }
        Ok(self.made)
    }
}

impl<'gc, K: Trace<At<'gc> = K> + 'gc, S> GcMap<'gc, K, (), S> {
    /// Returns what `wanted` returns of the key of this hash that it wants. Writes nothing and never
    /// waits.
    #[inline(always)]
    pub(crate) fn find_by<R>(&self, hash: u32, wanted: impl Fn(&'gc K) -> Option<R> + Copy) -> Option<R> {
        self.current()?.find(hash, |_, key| wanted(key))
    }

    /// Puts in what `make` returns, if there is no key of this hash that is `wanted`, or one of
    /// which `replaces` says that it may go. `wanted` is also told what was made, if it was. `make`
    /// is called once at most; if it is refused memory, or what it has made is, the map is as it
    /// was.
    pub(crate) fn put_by(
        &self,
        memory: Memory<'gc>,
        hash: u32,
        wanted: impl Fn(Option<&'gc K>, &K) -> bool,
        replaces: impl Fn(&'gc K) -> bool,
        make: impl FnOnce() -> Result<K, AllocError<()>>,
    ) -> Result<Put<'gc, K>, AllocError<()>> {
        let mut change = By { wanted, replaces, make: Some(make), made: None };
        let Written { before, after } = self.write(memory, hash, &mut change)?;
        let key = |entry| contents(entry).0;
        Ok(Put { before: before.map(key), after: after.map(key) })
    }

    /// Puts what `make` returns in the place of the key of this hash that is `wanted`, and returns
    /// it; `None` if there is none. `make` is called again if another thread was faster.
    pub(crate) fn replace_by(
        &self,
        memory: Memory<'gc>,
        hash: u32,
        mut wanted: impl FnMut(&'gc K) -> bool,
        mut make: impl FnMut(&'gc K) -> Result<K, AllocError<()>>,
    ) -> Result<Option<&'gc K>, AllocError<()>> {
        let make = |found: NodeRef<'gc, K, ()>| {
            let key = make(contents(found).0)?;
            memory.alloc(Node::Entry { hash, key, value: () }).map_err(lost)
        };
        let entry = self.replace_found(memory, hash, |_, key| wanted(key), make)?;
        Ok(entry.map(|entry| contents(entry).0))
    }

    /// Removes the key of this hash that is `wanted`, and returns it. Never fails.
    pub(crate) fn remove_by(
        &self,
        m: &'gc Mutator,
        hash: u32,
        mut wanted: impl FnMut(&'gc K) -> bool,
    ) -> Option<&'gc K> {
        self.take(m, hash, Return::Never, |_, key| wanted(key)).map(|entry| contents(entry).0)
    }

    /// Removes the keys for which `keep` returns false: see [`retain`](Self::retain).
    pub(crate) fn retain_by(&self, m: &'gc Mutator, mut keep: impl FnMut(&'gc K) -> bool)
    where
        K: Eq,
    {
        self.retain_entries(m, Return::Never, is_same, |entry| keep(contents(entry).0));
    }

    /// Does a piece of the move to another table, if the map moves or is nearly empty. Returns
    /// whether there is more to do.
    pub(crate) fn tidy(&self, m: &'gc Mutator) -> bool {
        let memory = Memory::of_try_alloc(m);
        let Some(table) = self.current() else { return false };
        let Some(next) = table.next() else {
            // What is refused is done another time: the map goes on with the table that it has.
            return table.is_sparse() && self.make_room(memory, table).is_ok();
        };
        for _ in 0..PIECE {
            match table.move_some(memory, next) {
                Ok(false) => {}
                Ok(true) => {
                    self.leave(m, table, next);
                    return true;
                }
                Err(_) => return false,
            }
        }
        self.current().is_some_and(|now| Gc::ptr_eq(now.0, table.0) || now.next().is_some() || now.is_sparse())
    }
}

/// How often a piece of [`GcMap::tidy`] moves some slots: some tens of microseconds.
const PIECE: usize = 32;
