//! What the slots of a table hold.
//!
//! Every node is immutable, and is reached by the pointer in a slot. So a change of a slot is one
//! compare-and-exchange, and a node that was read stays whole until the next safepoint, wherever it
//! is reached from by then.

use crate::Gc;
#[cfg(not(any(gc_loom, gc_shuttle)))]
use crate::Trace;

/// What a slot of a table holds. An empty slot is one for which no key has been here yet.
#[cfg_attr(not(any(gc_loom, gc_shuttle)), derive(Trace))]
pub(crate) enum Node<'gc, K, V> {
    /// A key with its value.
    Entry { hash: u32, key: K, value: V },
    /// An entry that is moving to a place in the next table ([concurrent-map.move]).
    Moving { entry: Gc<'gc, Node<'gc, K, V>>, place: u32 },
    /// An entry was here, which is in the next table, or was.
    Moved,
    /// The slot was empty when it was moved: no entry comes here any more.
    Closed,
    /// An entry was here, which was removed.
    Removed,
    /// The same, but the key may come back to this slot ([concurrent-map.again]).
    Gone { entry: Gc<'gc, Node<'gc, K, V>> },
}

impl<'gc, K, V> Node<'gc, K, V> {
    /// Returns the hash, the key and the value of an entry.
    #[inline(always)]
    pub(crate) fn entry(&self) -> Option<(u32, &K, &V)> {
        match self {
            Self::Entry { hash, key, value } => Some((*hash, key, value)),
            _ => None,
        }
    }
}
