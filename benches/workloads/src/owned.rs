//! `Box`, `Rc` and `Arc` by one name, so that a workload is written once for what owns or counts.

use std::{ops::Deref, rc::Rc, sync::Arc};

/// A kind of pointer.
pub(crate) trait Kind: 'static {
    /// The pointer to a `T`.
    type To<T>: Deref<Target = T> + From<T>;
}

/// `Box`.
pub(crate) enum Boxes {}

/// `Rc`.
pub(crate) enum Rcs {}

/// `Arc`.
pub(crate) enum Arcs {}

impl Kind for Boxes {
    type To<T> = Box<T>;
}

impl Kind for Rcs {
    type To<T> = Rc<T>;
}

impl Kind for Arcs {
    type To<T> = Arc<T>;
}

/// A kind whose pointers can be shared.
pub(crate) trait Shared: Kind {
    /// Another pointer to the same.
    fn share<T>(pointer: &Self::To<T>) -> Self::To<T>;
}

impl Shared for Rcs {
    fn share<T>(pointer: &Rc<T>) -> Rc<T> {
        pointer.clone()
    }
}

impl Shared for Arcs {
    fn share<T>(pointer: &Arc<T>) -> Arc<T> {
        pointer.clone()
    }
}
