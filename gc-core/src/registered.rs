//! What the heap knows of single objects beside their memory: identities, weak cells, who watches
//! for a death, where they were allocated.
//!
//! ```text
//!   Weak ──▶ weak cell ──▶ object ◀── entry: address, id, weak cell, extras
//!            (an object)               (in the table)
//! ```
//!
//! An object is *registered* when it has an entry in the heap's table. A weak reference points to
//! the *weak cell* of its target: a small object of the heap, one for each target. The cell is
//! traced like any object, and what it points to is not. So a weak field is an ordinary pointer, a
//! weak cell dies young like everything else, and to clear a target's weak references is one store.
//!
//! - **[registered.flag]** Every object with an entry has `Flag::Registered`, and so has its weak
//!   cell. An object with the flag need not have an entry any more.
//! - **[registered.one-cell]** A target has one weak cell at most that points to it, the one in its
//!   entry. Both are written under the lock of the entry's shard, or in a pause.
//! - **[registered.no-ghosts]** The object of an entry exists. Entries of young objects that die go
//!   in the pause that finds them dead, before the memory is used again. Entries of old ones go
//!   between the two pauses that end marking (`collector::clearing`): before the second one nothing
//!   is swept, freed or moved.
//! - **[registered.young]** An entry whose object or cell is young is in the young part of its
//!   shard. A young pause looks at these, and at no others.

mod cell;
mod entries;
mod extras;
mod generations;
mod handed;
mod queues;
mod sample;
mod sites;
mod table;

pub(crate) use cell::WeakCell;
pub(crate) use entries::{Entry, bytes_of_sample};
pub(crate) use extras::Watcher;
pub(crate) use generations::Generations;
pub(crate) use queues::{Nothing, Notice, QueueId, Queues, Removals};
pub(crate) use sample::{ONE, Record, Sample, Weighed};
pub(crate) use sites::{OTHERS, Session, Sites};
pub(crate) use table::{SHARDS, Table};
