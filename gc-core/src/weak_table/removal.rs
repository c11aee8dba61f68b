//! Removing dead entries, on a thread that runs destructors.
//!
//! It is the drop of a value that the heap posts when pairs were handed over ([queues.entries]).
//! [`Mutator::drain_drops`] waits until the entries have been removed that it finds waiting, and
//! has another one posted if need be. It visits the heap (`collector::visits`), takes pairs for
//! some time, and posts another one for the rest. What waits when it cannot attach, as a thread of
//! the program does not come to a safepoint for long, is removed after the next pause. When the
//! last user of the heap goes, nothing more has to be removed.
//!
//! To attach stops the program for a moment if it has one mutator. So few pairs wait for more, or
//! for a pause that is not one of those that come again and again.

use core::ptr::NonNull;
use std::time::Instant;

use crate::{
    Gc, Mutator,
    collector::{Collector, users::Visitor},
    object::WatchedPair,
    registered::Removals,
    workers::role,
};

use super::owner::Owner;

/// Removes dead entries when it is dropped.
pub(super) struct Removal {
    pub(super) visitor: Visitor,
}

impl Drop for Removal {
    fn drop(&mut self) {
        let Some(collector) = self.visitor.collector() else { return };
        let Some(visit) = collector.visits.begin() else { return };
        let queues = &collector.registered.queues;
        queues.begin_removal();
        // This thread drops values for the program, and is free for other ones before they would have to wait for long.
        let time = collector.config.slow_destructor / 2;
        let start = Instant::now();
        let is_done = role::as_free(|| {
            let Ok(mut m) = Mutator::visit(&self.visitor, &collector, time) else { return true };
            while !visit.is_over() {
                if !remove_some(&m, &collector) {
                    return true;
                }
                m.safepoint();
                if start.elapsed() >= time {
                    return false;
                }
            }
            true
        });
        if !is_done {
            collector.background.look_after(queues, Removals::All);
        }
    }
}

/// Removes the entries of some pairs, or does a piece of what a table has still to do. Returns
/// whether there may be more.
fn remove_some(m: &Mutator, collector: &Collector) -> bool {
    let queues = &collector.registered.queues;
    for _ in 0..STEP {
        let Some(taken) = queues.take_entry() else { return false };
        // SAFETY: only watched pairs are handed over. It was alive until now ([queues.roots]), and this thread has it in hand from here on.
        let pair = unsafe { Gc::<WatchedPair>::from_address(taken.pair) };
        let has_more = remove(m, pair);
        queues.has_removed(taken);
        if has_more {
            // The pair, which keeps its table alive, comes to this thread again, or to another one.
            queues.hand_over_entries(vec![taken.pair], collector.generations());
            return true;
        }
    }
    true
}

/// Removes the entry of a pair, if it is there, or does a piece of what its table has to do
/// afterwards. Returns whether there is more of that.
fn remove<'gc>(m: &'gc Mutator, pair: Gc<'gc, WatchedPair>) -> bool {
    let table = NonNull::new(pair.table.get()).expect("a watched pair has a table");
    // SAFETY: the pair keeps its table alive.
    let table = unsafe { Gc::from_address(table) };
    Owner::remove(m, table, pair)
}

/// How many entries are removed between two safepoints.
const STEP: usize = 64;
