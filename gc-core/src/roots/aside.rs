//! Roots that are dropped in a job of their heap: put aside, until the job takes their values out (`collector::nested_roots`).
//!
//! The thread-locals need no destructor, and so are there in the destructors of others.

use core::{cell::Cell, mem::ManuallyDrop, ptr};

use super::table::RootRef;

thread_local! {
    /// The identity of the heap whose job runs on this thread, or null.
    static HEAP: Cell<*const ()> = const { Cell::new(ptr::null()) };
    static ASIDE: ManuallyDrop<Cell<Vec<RootRef>>> = const { ManuallyDrop::new(Cell::new(Vec::new())) };
}

/// A job of this heap begins on this thread. Returns what [`end`] is told.
pub(crate) fn begin(heap: *const ()) -> *const () {
    HEAP.replace(heap)
}

/// It ends.
pub(crate) fn end(before: *const ()) {
    HEAP.set(before);
}

/// The roots that were put aside.
pub(crate) fn take() -> Vec<RootRef> {
    ASIDE.with(|aside| aside.take())
}

/// Puts a root aside that is dropped in a job of its heap. Whether this is one.
pub(crate) fn put_aside(root: RootRef) -> bool {
    let ours = ptr::eq(HEAP.get(), root.heap());
    if ours {
        ASIDE.with(|aside| {
            let mut roots = aside.take();
            roots.push(root);
            aside.set(roots);
        });
    }
    ours
}
