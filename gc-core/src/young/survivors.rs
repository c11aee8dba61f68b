//! What a caller may do with an evacuation when all that is reachable was evacuated.

use core::ptr::NonNull;

/// What an evacuation has found, and what it can still evacuate ([pairs.rounds]).
pub(crate) trait Survivors {
    /// Returns where the object at an address is now that was young when the pause began. `None` if
    /// it is dead, as far as is known.
    fn whereabouts(&self, address: NonNull<u8>) -> Option<NonNull<u8>>;

    /// Evacuates the young object at an address, as one that a root holds. Returns its new address.
    /// What it reaches is evacuated when the step has ended.
    fn evacuate(&mut self, address: NonNull<u8>) -> NonNull<u8>;
}
