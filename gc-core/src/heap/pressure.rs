//! The observer of memory pressure, and its thread.

use core::fmt;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Weak,
    thread,
};

use crate::{
    collector::{pressure::PressureSignal, users::Users},
    settings::BuildError,
    sync::Arc,
};

use super::Heap;

/// Little room is left in a heap. See
/// [`HeapBuilder::on_pressure`](crate::HeapBuilder::on_pressure).
pub struct Pressure {
    heap: Weak<Users>,
    room: usize,
}

impl Pressure {
    /// Returns the heap, if it has not ended. Until the handle is dropped, the heap does not end.
    #[must_use]
    pub fn heap(&self) -> Option<Heap> {
        self.heap.upgrade().map(|users| Heap { users })
    }

    /// Returns how many bytes of small objects, of the sizes that the program allocated last, the
    /// last major (full) collection has left room for.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room
    }
}

/// As for [`Heap`](crate::Heap): a panic leaves no broken state.
impl core::panic::RefUnwindSafe for Pressure {}

/// As above.
impl core::panic::UnwindSafe for Pressure {}

impl fmt::Debug for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pressure").field("room", &self.room).finish_non_exhaustive()
    }
}

/// What the program does about memory pressure.
pub(super) type Observer = Arc<dyn Fn(&Pressure) + Send + Sync>;

/// Starts the observer's thread. It holds the heap weakly, and nothing waits for it.
pub(super) fn start(users: &Arc<Users>, observer: Observer) -> Result<(), BuildError> {
    let (heap, signal): (_, Arc<PressureSignal>) = (Arc::downgrade(users), users.handle.collector.pressure.clone());
    let observe = move || {
        while let Some(room) = signal.wait() {
            let pressure = Pressure { heap: heap.clone(), room };
            // The panic hook has reported a panic. The payload's destructor may panic again, so it leaks.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| observer(&pressure))) {
                core::mem::forget(payload);
            }
        }
    };
    let thread = thread::Builder::new().name("gc-core observer".to_owned());
    thread.spawn(observe).map(drop).map_err(|error| BuildError::Thread(error.to_string()))
}
