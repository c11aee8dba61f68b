//! Detaching: a mutator leaves the registry, and what it has in hand becomes the heap's. The last
//! user of a heap detaches those that are left.

use core::{ptr::NonNull, time::Duration};

use crate::{
    roots::EmptyChunks,
    stats::{Event, Level},
};

use super::{
    attachment::Attachment,
    drops::DropQueue,
    fork,
    jobs::Job,
    kept_end,
    parts::Values,
    registry::{Attached, Registry},
    users::Users,
};

/// So many types of roots are told of a heap that roots keep.
const MOST_TYPES: usize = 32;

/// What is left of a mutator that was detached: its memory, with what keeps the heap alive. To drop
/// it may end the heap, and gives memory back, which must not happen under a lock.
#[must_use]
pub(crate) struct Left {
    _empty: EmptyChunks,
    _attachment: Box<Attachment>,
}

/// Detaches a mutator.
///
/// # Safety
///
/// - The mutator is in `registry`, which is its heap's, and BLOCKED.
/// - The caller is its owner, or no thread runs any mutator of the heap any more.
/// - Nothing else refers to its state, except the registry and its entry among the owners of
///   counted objects.
pub(crate) unsafe fn detach(local: NonNull<Attachment>, registry: &mut Registry) -> Left {
    // SAFETY: the registry has it, so it is not freed yet.
    let attachment = unsafe { local.as_ref() };
    let collector = &attachment.collector;
    // This merges the counts that other threads have asked for, too. It comes before the state is freed, as other threads find
    // the word by the token.
    attachment.leave_owners();
    let mut dead = DropQueue::default();
    let empty = attachment.roots.orphan(|value| dead.boxed(value));
    registry.leave(Attached::new(local.cast()));
    collector.background.expect_drops(&mut dead, &collector.memory.budget);
    collector.share_nursery(registry);
    let mut young = collector.young.lock();
    // A thread that sweeps may have the lock, while the system does not run it. Most mutators need not wait for it.
    if attachment.old_cells.are_in_use() {
        young.take_over_old_cells(attachment, &mut collector.old.lock().space);
    }
    young.take_over(attachment);
    if young.remembered.compact(collector.config.remembered_entries) {
        collector.pacing.note_much_remembered();
    }
    drop(young);
    collector.background.post_drops(dead);
    // SAFETY: leaked where it was made. By the caller's guarantee nothing refers to it: the registry and the token's entry are gone.
    Left { _empty: empty, _attachment: unsafe { Box::from_raw(local.as_ptr()) } }
}

/// The attached mutators of a heap, and what is left of those that this has detached.
pub(crate) struct Departure<'a> {
    pub(crate) registry: &'a mut Registry,
    pub(crate) left: Vec<Left>,
}

impl kept_end::Attached for Departure<'_> {
    type Id = NonNull<Attachment>;

    /// Takes constant time: the last user leaves none attached, and no mutator attaches after that.
    fn contains(&self, _: Self::Id) -> bool {
        self.registry.mutators.len() > 0
    }

    fn any(&self) -> Option<Self::Id> {
        let mutators = &self.registry.mutators;
        mutators.awake().last().or(mutators.dormant().last()).map(|attached| attached.pointer().cast())
    }

    fn detach(&mut self, kept: Self::Id) {
        // SAFETY: attached, so it is not freed yet.
        unsafe { kept.as_ref() }.charge_in_hand();
        // SAFETY: in the registry, and BLOCKED, as all kept mutators are while they are not lent. The caller is the thread that keeps
        // it, or no mutator of the heap runs any more ([users.only-they-run]). The thread that keeps it finds it only by a
        // handle of the heap, or when it exits, by looking here.
        self.left.push(unsafe { detach(kept, self.registry) });
    }
}

impl Drop for Users {
    /// Detaches the mutators that are left, which are kept ones ([kept-end.once]), and has dropped
    /// what roots held that were dropped before. No pause will look for them
    /// ([attendance.one-finds]).
    fn drop(&mut self) {
        if self.handle.is_elsewhere() {
            // The child of a fork: a thread that exists in the parent only may hold the lock. The states leak.
            return;
        }
        let collector = &self.handle.collector;
        fork::end_visits(collector);
        let mut registry = fork::lock_registry(collector);
        // While the registry is locked, no pause visits them.
        collector.registered.queues.end_entries();
        if registry.mutators.len() > 0 {
            // Nobody runs ([users.only-they-run]), so this waits for nobody. It orders what the owners did before what is done here, as
            // the stop for a pause does; the stop in which a mutator fell dormant has done that for it. The concurrent thread may go on:
            // it touches no mutator's state. No resumption follows, as no member is left.
            let members = registry.mutators.awake().iter().map(|attached| attached.state().member());
            let _ = collector.rendezvous.stop(members, Duration::MAX, |_| Some(Duration::MAX));
        }
        let mut departure = Departure { registry: &mut registry, left: Vec::new() };
        kept_end::last_user_goes(&mut departure);
        let left = departure.left;
        let mut values = Vec::new();
        let roots = collector.roots.leave_unattended(|value| values.push(value));
        collector.background.post_values(Values::Boxed(values));
        if roots > 0 {
            // Dead objects may hold them: the idle heap is collected once more.
            collector.idle.note_activity(&collector.major);
            if collector.background.hears(Level::Debug) {
                let types = collector.roots.types(MOST_TYPES);
                collector.background.post(Job::Report(Event::HeldByRoots { roots, types }));
            }
        }
        drop(registry);
        // With no lock held. `self.handle` is still there: it is what may end the heap.
        drop(left);
    }
}
