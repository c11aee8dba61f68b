//! What a thread is to collectors: it may attach, or has a mutator, or is a heap's own.

use core::cell::Cell;

/// What a thread is to the collector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// It may attach.
    Free,
    /// It has a mutator, running, blocked or leaked.
    Attached,
    /// It is one of a heap's own: it drops and tells, marks and sweeps, or helps to copy.
    Collector,
}

thread_local! {
    static ROLE: Cell<Role> = const { Cell::new(Role::Free) };
}

pub(crate) fn role() -> Role {
    ROLE.get()
}

pub(crate) fn set_role(role: Role) {
    ROLE.set(role);
}
