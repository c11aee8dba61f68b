//! Weak tables: maps and sets of objects that they do not keep alive. Dead entries leave without
//! the program.
//!
//! A table is an object: a [`GcMap`] of entries, and the function that removes one. An entry holds
//! an ephemeron whose key is the object that the table does not keep alive, and whose value is what
//! lives with it. The pair of the ephemeron knows the table and the hash of the entry
//! ([pair.watched]).
//!
//! ```text
//!   a collection finds the object dead ─▶ it clears the pair: from now on the entry is dead, to all threads at once
//!     ─▶ it hands the pair over, in the same pause or increment ─▶ a thread that runs destructors attaches a mutator,
//!        takes pairs, looks each entry up by its hash, and removes it; then it ends the move to a smaller table, a piece at a time
//! ```
//!
//! - **[weak-table.dead]** Whether an entry is dead changes in pauses only ([weak-mode.pauses]),
//!   from no to yes. So what one step of a map finds dead, all steps find dead that run at the same
//!   time, and no step revives it: a look-up that reads the object keeps it alive until the next
//!   safepoint, and while the heap is marking as a value of the snapshot ([weak-mode.marking]).
//! - **[weak-table.one]** Of an interner, two threads that add equal objects find the dead entry,
//!   if there is one, to be another key's: so of both one is first ([concurrent-map.one-slot]), and
//!   the other one finds its object, which is alive.
//! - **[weak-table.own-entry]** A removal looks for the entry of the pair that was handed over, by
//!   the pair's address. So it never removes an entry that was made since, whatever key that has.
//! - **[weak-table.table-dies]** Only the table and the queue of those handed over lead to a pair.
//!   A table that dies is garbage with all its entries: nothing is left of it, in its objects or
//!   elsewhere. If some of its pairs wait, it lives until they are taken.
//! - **[weak-table.pause]** A pause does for a dead entry what it does for an ephemeron, and puts
//!   one word into a queue. What the table holds besides costs nothing.
//!
//! The model is `models/protocols/weak_table.rs`.

mod entries;
mod interner;
mod key_map;
mod owner;
mod removal;
mod set;
mod value_map;

pub use interner::Interner;
pub use key_map::WeakKeyMap;
pub use set::WeakSet;
pub use value_map::WeakValueMap;
