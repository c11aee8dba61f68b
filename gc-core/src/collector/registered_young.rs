//! What becomes of registered objects in a minor collection: entries follow the survivors, and the dead are cleared.
//!
//! - **[registered-young.new-only]** The pause looks at entries of which something is young, and at no others.

use core::ptr::NonNull;

use crate::{
    object::{Header, HeaderWord},
    registered::{Entry, WeakCell},
};

use super::{collector::Collector, stopped_heap::StoppedHeap};

impl StoppedHeap<'_> {
    /// Brings the table up to date. What is reachable has been evacuated, and from-space is still there.
    pub(crate) fn follow_registered(&mut self) {
        let collector = self.collector;
        let generations = collector.generations();
        for mut entry in collector.registered.take_young() {
            let object = survivor(collector, entry.object);
            let cell = entry.cell.and_then(|cell| survivor(collector, cell.cast())).map(NonNull::cast::<WeakCell>);
            entry.cell = cell.filter(|_| object.is_some());
            let Some(object) = object else {
                bury(cell, entry);
                continue;
            };
            entry.object = object;
            if let Some(cell) = cell {
                // SAFETY: a weak cell that has survived, at its present address.
                unsafe { cell.as_ref() }.follow(object);
            }
            if !entry.is_idle() {
                collector.registered.insert(generations, entry);
            }
        }
    }
}

/// Clears what leads weakly to an object that is dead, and tells who watched for that.
fn bury(cell: Option<NonNull<WeakCell>>, mut entry: Entry) {
    if let Some(cell) = cell {
        // SAFETY: a weak cell that has survived, at its present address.
        unsafe { cell.as_ref() }.clear();
    }
    if let Some(extras) = &mut entry.extras {
        extras.watchers.drain(..).for_each(|watcher| watcher.died());
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
