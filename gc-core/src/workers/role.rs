//! What a thread is to the collector: free to attach, attached, or one of a heap's own.

use core::{cell::Cell, ptr};

/// What a thread is to the collector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// It may attach.
    Free,
    /// It has a mutator, running, blocked or leaked.
    Attached,
    /// It is one of a heap's own: the concurrent thread, the thread that runs jobs, or a GC worker.
    Collector,
}

thread_local! {
    static SERVES: Cell<*const ()> = const { Cell::new(ptr::null()) };
    static ROLE: Cell<Role> = const { Cell::new(Role::Free) };
}

pub(crate) fn role() -> Role {
    ROLE.get()
}

pub(crate) fn set_role(role: Role) {
    ROLE.set(role);
}

/// Makes this thread one of a heap's own.
pub(crate) fn serve<H>(heap: *const H) {
    set_role(Role::Collector);
    SERVES.set(heap.cast());
}

/// Has one of a heap's own threads run what attaches, as a thread that may. It has detached when
/// that returns.
pub(crate) fn as_free<R>(run: impl FnOnce() -> R) -> R {
    struct Restore(Role);
    impl Drop for Restore {
        fn drop(&mut self) {
            set_role(self.0);
        }
    }
    let _restore = Restore(ROLE.replace(Role::Free));
    run()
}

/// Returns whether this thread is one of this heap's own.
pub(crate) fn serves<H>(heap: *const H) -> bool {
    ptr::eq(SERVES.get(), heap.cast())
}
