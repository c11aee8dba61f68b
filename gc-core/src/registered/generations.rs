//! Whether an object is young, by its address.

use crate::{memory::AddressMap, space::large::RunTable};

/// Tells young objects from old ones.
#[derive(Clone, Copy)]
pub(crate) struct Generations<'a> {
    pub(crate) map: AddressMap,
    pub(crate) runs: &'a RunTable,
}

impl Generations<'_> {
    /// Returns whether the object at an address is young.
    #[inline]
    pub(crate) fn is_young(&self, address: usize) -> bool {
        self.map.young.contains(address) || (self.map.large.contains(address) && !self.runs.run_of(address).is_old())
    }
}
