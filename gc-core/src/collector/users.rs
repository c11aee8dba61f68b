//! The users of a heap: those by whom a mutator of it can run. The last one that goes detaches the
//! mutators that threads keep.
//!
//! ```text
//!   Heap, Mutator, Parked ──▶ Users ──▶ Handle ◀── root tables, while they have roots
//!                                         ▲
//!                 kept mutators ──────────┘     detached by the last user that goes
//! ```
//!
//! The last user also ends the visits of the heap's own threads (`visits`), which refer to the
//! `Handle` while they last.
//!
//! A heap ends with the last reference to its `Handle`. If a kept mutator were a user, then a
//! pool's threads, which never end, would keep every heap alive that they ever entered. So it
//! refers to the `Handle` only, which its root table does in any case ([roots.keep-heap]): roots
//! that were made within `Heap::with` need no count of their own.
//!
//! - **[users.only-they-run]** A mutator runs only while the heap has a user: it is one itself, or
//!   it is lent by `Heap::with`, which borrows a handle, or it is a visit's, for whose end the last
//!   user waits ([visits.over]). New users are made from existing ones. So after the last one no
//!   mutator of the heap ever runs again.
//! - **[users.identity]** A heap is known to threads by a number that no other heap of the process
//!   has, before or after: an address would be used again.

use crate::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use super::{collector::Collector, handle::Handle};

/// What the users of a heap share. Its `Drop`, when the last one goes, is in `detach`.
pub(crate) struct Users {
    /// [users.identity]. Never 0.
    pub(crate) heap: u64,
    pub(crate) handle: Arc<Handle>,
}

impl Users {
    pub(crate) fn new(handle: Handle) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: the number only has to be unique. It takes centuries to use the numbers up.
        Self { heap: NEXT.fetch_add(1, Ordering::Relaxed), handle: Arc::new(handle) }
    }

    pub(crate) fn ties(self: &Arc<Self>) -> Ties {
        Ties { users: Arc::downgrade(self), handle: self.handle.clone() }
    }

    /// Returns a way in for the heap's own threads.
    pub(crate) fn visitor(self: &Arc<Self>) -> Visitor {
        let handle = &self.handle;
        Visitor {
            heap: self.heap,
            users: Arc::downgrade(self),
            handle: Arc::downgrade(handle),
            collector: Arc::downgrade(&handle.collector),
        }
    }
}

/// What a mutator refers to of its heap.
pub(crate) struct Ties {
    pub(crate) users: Weak<Users>,
    pub(crate) handle: Arc<Handle>,
}

/// A way into a heap for one of its own threads, during a visit (`visits`). It keeps nothing.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// [users.identity].
    pub(crate) heap: u64,
    users: Weak<Users>,
    handle: Weak<Handle>,
    collector: Weak<Collector>,
}

impl Visitor {
    /// Returns the heap's collector. It may have ended.
    pub(crate) fn collector(&self) -> Option<Arc<Collector>> {
        self.collector.upgrade()
    }

    /// A visit is under way.
    pub(crate) fn ties(&self) -> Ties {
        let handle = self.handle.upgrade().expect("the last user waits for the end of a visit");
        Ties { users: self.users.clone(), handle }
    }
}
