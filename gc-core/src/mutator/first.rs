//! The first `Heap::with` of a thread: it attaches.

use core::ptr::NonNull;

use crate::{
    collector::{
        attachment::{self, Attachment},
        kept,
        users::Users,
    },
    safepoint::StateWord,
    sync::Arc,
    workers::role::{Role, role},
};

use super::{AttachError, EnterError, Mutator, Parked};

/// Attaches this thread for its first `with` of a heap: a mutator that the thread keeps. Or, while
/// its thread-locals are being destroyed, one that the caller has to drop after use: the second
/// result.
#[cold]
#[inline(never)]
pub(crate) fn attach_for_with(users: &Arc<Users>) -> Result<(NonNull<Attachment>, Option<Parked>), EnterError> {
    if role() == Role::Collector {
        return Err(EnterError::CollectorThread);
    }
    if !attachment::current().is_null() {
        return Err(EnterError::Running);
    }
    let local = match Mutator::admit(&users.handle.collector, || users.ties(), StateWord::blocked, None) {
        Ok(local) => local,
        Err(AttachError::TooMany) => return Err(EnterError::TooMany),
        Err(AttachError::Forked) => return Err(EnterError::Forked),
        Err(error) => unreachable!("gc-core: no other error without a timeout: {error}"),
    };
    if kept::can_keep() {
        kept::keep(users.heap, local, &users.handle.collector);
        return Ok((local, None));
    }
    // SAFETY: attached just now, BLOCKED, and nobody else's.
    Ok((local, Some(unsafe { Parked::of(local, users) })))
}
