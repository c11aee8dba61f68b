//! Maps whose values the collector looks into: those of std, behind a flag.
//!
//! The collector asks a container for what it holds. A map of std gives a wrong answer after user code has panicked in it, so those are
//! not traced; the maps of this module are. By the sources of Rust 1.95.0 and of hashbrown 0.16.1, which is in it:
//!
//! - A [`HashMap`](std::collections::HashMap) whose `Hash` panics in a rehash in place (`rehash_in_place` in hashbrown's
//!   `raw/mod.rs`, by `insert`, `entry`, `reserve`, `extend`) still counts the entries that were not hashed again, if they need no drop; its
//!   iterator trusts the count, and runs out of the table.
//! - A [`BTreeMap`](std::collections::BTreeMap) whose `Ord` panics below the root in `split_off` (`btree/split.rs`) has the old length and
//!   half the nodes; its iterator aborts the process, and so does dropping it. One whose `Ord` panics in `append` lacks the repair of its right
//!   border; a `pop_last` may then panic before it counts the entry off, with the same end.
//!
//! - **whole** A map of this module is *whole* unless a method that changes it runs, or has been left by a panic, or has returned an
//!   iterator that takes entries out and was forgotten. While it is not whole, the collector takes it for empty.
//! - **broken** What is in a map that is not whole is reached by nobody any more: every access panics. Dropping it drops what it holds,
//!   which std answers for, with or without a collector; but for a map that `split_off` was left in, which std does not answer for: it is
//!   forgotten, with what it holds.
//! - **shared** Through `&` no map of std changes itself, so reading needs no flag: the maps dereference to those of std, shared.
//! - **entries** An entry of std is lent where the map is whole and stays so: looking the key up, and for a hash map making room, have
//!   been done, and an entry calls user code only before it changes anything. (`rustc_entry` in `hashbrown/src/rustc_entry.rs` reserves room, and
//!   `VacantEntry::insert` uses `insert_no_grow` or `insert_tagged_at_index`; `VacantEntry::insert_entry` in `alloc/collections/btree/map/entry.rs`
//!   splits nodes without comparing.)
//!
//! No user code can collect meanwhile: it would need the mutator exclusively, of which the map was borrowed.

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
