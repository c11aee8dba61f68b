//! Maps whose values the collector traces: the maps of std with a flag.
//!
//! The collector asks a container for its elements. A map of std gives a wrong answer after user
//! code has panicked in it, so the maps of std are not traced. The maps of this module are. The
//! following is from the sources of Rust 1.95.0 and of hashbrown 0.16.1, which it contains:
//!
//! - In a [`HashMap`](std::collections::HashMap), `Hash` may panic in a rehash in place
//!   (`rehash_in_place` in hashbrown's `raw/mod.rs`, by `insert`, `entry`, `reserve`, `extend`).
//!   The map then still counts the entries that were not hashed again, if they need no drop. Its
//!   iterator trusts the count, and reads beyond the table.
//! - In a [`BTreeMap`](std::collections::BTreeMap), `Ord` may panic below the root in `split_off`
//!   (`btree/split.rs`). The map then has the old length and half the nodes, and its iterator
//!   aborts the process. If `Ord` panics in `append`, the map lacks the repair of its right border.
//!   A later `pop_last` may then panic before it decrements the length, with the same end.
//!
//! - **[map.whole]** A map of this module is *whole*, with three exceptions: while a method that
//!   changes it runs, after a panic has left such a method, and after an iterator that takes
//!   entries out was forgotten. The collector takes a map that is not whole for empty.
//! - **[map.broken]** The entries of a map that is not whole can no longer be reached: every access
//!   panics. Dropping the map drops the entries. That is sound in std, with or without a collector,
//!   except after `split_off`. Then the entries are leaked instead.
//! - **[map.shared]** A map of std does not change itself through `&`, so reading needs no flag:
//!   the maps dereference to shared references to those of std.
//! - **[map.entries]** An entry of std is lent while the map is whole, and the map stays whole. The
//!   key has been looked up, and a hash map has made room. After that an entry calls user code only
//!   before it changes anything. (`rustc_entry` in `hashbrown/src/rustc_entry.rs` reserves room,
//!   and `VacantEntry::insert` uses `insert_no_grow` or `insert_tagged_at_index`.
//!   `VacantEntry::insert_entry` in `alloc/collections/btree/map/entry.rs` splits nodes without
//!   comparing.)
//!
//! User code cannot collect meanwhile: it would need the mutator exclusively, and the map was
//! borrowed through the mutator.

mod btree_map;
mod hash_map;
mod whole;

pub use btree_map::BTreeMap;
pub use hash_map::HashMap;

/// The iterators and entries that the maps return.
pub mod iter {
    pub use super::{
        btree_map::ExtractIf as BTreeExtractIf,
        hash_map::{Drain, ExtractIf},
    };
}
