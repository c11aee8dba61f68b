//! What a write does to its key: it puts an entry in, always, or if there is none, or in the place
//! of a certain one.

use core::ptr;

use crate::{Trace, mutator::AllocError};

use super::{contents, memory::Memory, node::Node, table::NodeRef};

/// What a write does to its key.
pub(super) trait Change<'gc, K, V> {
    fn is_key(&self, entry: NodeRef<'gc, K, V>, key: &K) -> bool;

    /// Returns the entry that is to be stored in place of one, or of none; `None` to leave it. May
    /// be called again.
    fn make(
        &mut self,
        memory: Memory<'gc>,
        hash: u32,
        before: Option<NodeRef<'gc, K, V>>,
    ) -> Result<Option<NodeRef<'gc, K, V>>, AllocError<()>>;
}

/// A key that is to be put in: how an entry is made of it.
pub(super) trait NewKey<'gc, V>: Sized {
    /// What entries have as their key.
    type Key: Trace<At<'gc> = Self::Key> + 'gc;

    /// Returns whether an entry has this key.
    fn is(&self, entry: NodeRef<'gc, Self::Key, V>, key: &Self::Key) -> bool;

    /// Returns whether an entry has the key of one that was made.
    fn is_of(made: NodeRef<'gc, Self::Key, V>, entry: NodeRef<'gc, Self::Key, V>, key: &Self::Key) -> bool;

    /// Makes an entry, or gives key and value back.
    fn entry(self, memory: Memory<'gc>, hash: u32, value: V) -> Made<'gc, Self::Key, V, (Self, V)>;
}

/// An entry that was made, or what a refusal gives back.
pub(super) type Made<'gc, K, V, E> = Result<NodeRef<'gc, K, V>, AllocError<E>>;

/// A key by value, which lies in the entry.
pub(super) struct ByValue<K>(pub(super) K);

impl<'gc, K: Trace<At<'gc> = K> + Eq + 'gc, V: Trace<At<'gc> = V> + 'gc> NewKey<'gc, V> for ByValue<K> {
    type Key = K;

    #[inline(always)]
    fn is(&self, _: NodeRef<'gc, K, V>, key: &K) -> bool {
        self.0 == *key
    }

    #[inline(always)]
    fn is_of(made: NodeRef<'gc, K, V>, _: NodeRef<'gc, K, V>, key: &K) -> bool {
        contents(made).0 == key
    }

    #[inline(always)]
    fn entry(self, memory: Memory<'gc>, hash: u32, value: V) -> Made<'gc, K, V, (Self, V)> {
        match memory.alloc(Node::Entry { hash, key: self.0, value }) {
            Ok(entry) => Ok(entry),
            Err(AllocError { value: Node::Entry { key, value, .. }, refused }) => {
                Err(AllocError { value: (Self(key), value), refused })
            }
            Err(_) => unreachable!("an entry that was refused is an entry"),
        }
    }
}

/// Puts an entry in: its key and value until it is made.
pub(super) enum Insert<'gc, N: NewKey<'gc, V>, V> {
    Values(N, V),
    Made(NodeRef<'gc, N::Key, V>),
    /// While it is made.
    Nothing,
}

impl<'gc, N: NewKey<'gc, V>, V> Insert<'gc, N, V> {
    /// Returns the key and the value, if the entry was not made.
    pub(super) fn values(self) -> Option<(N, V)> {
        if let Self::Values(key, value) = self { Some((key, value)) } else { None }
    }
}

impl<'gc, N: NewKey<'gc, V>, V: Trace<At<'gc> = V> + 'gc> Change<'gc, N::Key, V> for Insert<'gc, N, V> {
    #[inline(always)]
    fn is_key(&self, entry: NodeRef<'gc, N::Key, V>, key: &N::Key) -> bool {
        match self {
            Self::Values(mine, _) => mine.is(entry, key),
            Self::Made(made) => N::is_of(*made, entry, key),
            Self::Nothing => false,
        }
    }

    #[inline(always)]
    fn make(
        &mut self,
        memory: Memory<'gc>,
        hash: u32,
        _: Option<NodeRef<'gc, N::Key, V>>,
    ) -> Result<Option<NodeRef<'gc, N::Key, V>>, AllocError<()>> {
        let entry = match core::mem::replace(self, Self::Nothing) {
            Self::Values(key, value) => match key.entry(memory, hash, value) {
                Ok(entry) => entry,
                Err(AllocError { value: (key, value), refused }) => {
                    *self = Self::Values(key, value);
                    return Err(AllocError { value: (), refused });
                }
            },
            Self::Made(entry) => entry,
            Self::Nothing => return Ok(None),
        };
        *self = Self::Made(entry);
        Ok(Some(entry))
    }
}

/// Puts an entry in where there is none.
pub(super) enum InsertWith<'gc, N: NewKey<'gc, V>, V, F> {
    /// What makes the value was not called.
    Ask(N, F),
    Insert(Insert<'gc, N, V>),
}

impl<'gc, N: NewKey<'gc, V>, V, F> InsertWith<'gc, N, V, F> {
    /// Returns the key, if the entry was not made.
    pub(super) fn key(self) -> Option<N> {
        match self {
            Self::Ask(key, _) => Some(key),
            Self::Insert(insert) => insert.values().map(|(key, _)| key),
        }
    }
}

impl<'gc, N: NewKey<'gc, V>, V: Trace<At<'gc> = V> + 'gc, F: FnOnce() -> V> Change<'gc, N::Key, V>
    for InsertWith<'gc, N, V, F>
{
    #[inline]
    fn is_key(&self, entry: NodeRef<'gc, N::Key, V>, key: &N::Key) -> bool {
        match self {
            Self::Ask(mine, _) => mine.is(entry, key),
            Self::Insert(insert) => insert.is_key(entry, key),
        }
    }

    #[inline]
    fn make(
        &mut self,
        memory: Memory<'gc>,
        hash: u32,
        before: Option<NodeRef<'gc, N::Key, V>>,
    ) -> Result<Option<NodeRef<'gc, N::Key, V>>, AllocError<()>> {
        if before.is_some() {
            return Ok(None);
        }
        let mut insert = match core::mem::replace(self, Self::Insert(Insert::Nothing)) {
            Self::Ask(key, make) => Insert::Values(key, make()),
            Self::Insert(insert) => insert,
        };
        let entry = insert.make(memory, hash, before);
        *self = Self::Insert(insert);
        entry
    }
}

/// Puts an entry in where there is a certain one, or none.
pub(super) struct Exchange<'gc, N: NewKey<'gc, V>, V> {
    pub(super) insert: Insert<'gc, N, V>,
    pub(super) current: Option<&'gc V>,
}

impl<'gc, N: NewKey<'gc, V>, V: Trace<At<'gc> = V> + 'gc> Change<'gc, N::Key, V> for Exchange<'gc, N, V> {
    #[inline]
    fn is_key(&self, entry: NodeRef<'gc, N::Key, V>, key: &N::Key) -> bool {
        self.insert.is_key(entry, key)
    }

    #[inline]
    fn make(
        &mut self,
        memory: Memory<'gc>,
        hash: u32,
        before: Option<NodeRef<'gc, N::Key, V>>,
    ) -> Result<Option<NodeRef<'gc, N::Key, V>>, AllocError<()>> {
        let is_current = match (before, self.current) {
            (Some(before), Some(current)) => ptr::eq(value_of(before), current),
            (before, current) => before.is_none() && current.is_none(),
        };
        if is_current { self.insert.make(memory, hash, before) } else { Ok(None) }
    }
}

/// Returns the value of an entry.
#[inline]
pub(super) fn value_of<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc>(
    entry: NodeRef<'gc, K, V>,
) -> &'gc V {
    contents(entry).1
}
