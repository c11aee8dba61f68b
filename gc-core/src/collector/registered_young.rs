//! What becomes of registered objects in a minor collection: the dead are cleared and handed over,
//! entries follow the survivors.
//!
//! - **[registered-young.new-only]** The pause looks at entries of which something is young, and at
//!   no others.
//! - **[registered-young.order]** When all that is reachable has been evacuated, first all weak
//!   cells of dead targets are cleared and the news told, then finalizable objects are evacuated
//!   with what they reach. A cell that is reached only by these is cleared where it was, and
//!   evacuated as it is.

use core::ptr::NonNull;

use crate::{
    object::{Header, HeaderWord},
    registered::{Entry, Table, WeakCell},
    young::Survivors,
};

use super::{collector::Collector, stopped_heap::StoppedHeap};

/// Clears what leads weakly to the dead of `entries`, tells who watches, and evacuates what is to
/// be finalized.
pub(crate) fn reclaim(collector: &Collector, entries: &mut [Entry], survivors: &mut dyn Survivors) {
    let (table, generations) = (&collector.registered, collector.generations());
    let mut finalized = Vec::new();
    for entry in entries {
        if survivors.whereabouts(entry.object).is_none() {
            // A cell that is dead so far may be reached by what is finalized.
            let place = |cell: NonNull<WeakCell>| survivors.whereabouts(cell.cast()).map_or(cell, NonNull::cast);
            let cell = entry.cell.map(place);
            // SAFETY: from-space is still there.
            let finalizers = unsafe { entry.die(cell, &table.queues) };
            finalized.extend(finalizers.into_iter().map(|queue| (queue, entry.object)));
        }
    }
    for (queue, object) in finalized {
        table.queues.hand_over(queue, survivors.evacuate(object), generations);
    }
}

impl StoppedHeap<'_> {
    /// Puts entries back into the table, under the new addresses of what has survived. From-space
    /// is still there.
    pub(crate) fn follow_registered(&mut self, entries: Vec<Entry>) {
        let collector = self.collector;
        let (table, generations): (&Table, _) = (&collector.registered, collector.generations());
        let followed = entries.into_iter().filter_map(|mut entry| {
            let object = survivor(collector, entry.object)?;
            entry.object = object;
            if let Some(cell) = entry.cell {
                match survivor(collector, cell.cast()).map(NonNull::cast::<WeakCell>) {
                    Some(cell) => {
                        // SAFETY: a weak cell that has survived, at its present address.
                        unsafe { cell.as_ref() }.follow(object);
                        entry.cell = Some(cell);
                    }
                    // SAFETY: from-space is still there.
                    None => unsafe { entry.forget_cell() },
                }
            }
            Some(entry)
        });
        table.put_back(generations, followed);
        table.queues.forget_old(generations);
    }
}

/// Returns where an object is that may have been young, or `None` if it was and is dead.
fn survivor(collector: &Collector, object: NonNull<u8>) -> Option<NonNull<u8>> {
    let address = object.addr().get();
    if collector.map.young.contains(address) {
        // SAFETY: an object in from-space, whose memory is not used again yet.
        match unsafe { Header::of(object.as_ptr()).read() } {
            HeaderWord::Forwarded(to) => NonNull::new(to),
            _ => None,
        }
    } else {
        let is_dead = collector.map.large.contains(address) && !collector.runs.run_of(address).is_old();
        (!is_dead).then_some(object)
    }
}
