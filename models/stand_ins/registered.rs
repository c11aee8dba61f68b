//! Registered objects: the production files.

pub(crate) use cell::WeakCell;
pub(crate) use entries::Entry;
pub(crate) use extras::Watcher;
pub(crate) use generations::Generations;
pub(crate) use queues::{Nothing, Notice, QueueId, Queues, Removals};
pub(crate) use table::{SHARDS, Table};

#[path = "../../gc-core/src/registered/cell.rs"]
pub(crate) mod cell;
#[path = "../../gc-core/src/registered/entries.rs"]
pub(crate) mod entries;
#[path = "../../gc-core/src/registered/extras.rs"]
pub(crate) mod extras;
#[path = "../../gc-core/src/registered/generations.rs"]
pub(crate) mod generations;
#[path = "../../gc-core/src/registered/handed.rs"]
mod handed;
#[path = "../../gc-core/src/registered/queues.rs"]
pub(crate) mod queues;
#[path = "../../gc-core/src/registered/sample.rs"]
pub(crate) mod sample;
#[path = "../../gc-core/src/registered/table.rs"]
pub(crate) mod table;
