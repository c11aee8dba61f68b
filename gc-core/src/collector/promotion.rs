//! Promotion into the old generation, for one worker of a minor collection: what the young
//! generation needs of the old one.

use crate::{
    object::{TypeInfo, size_class::SizeClass},
    old::promote::Cursors,
    space::old::{Bits, OldSpace},
    sync::Mutex,
    young::Promote,
};

/// Promotion into the old generation, for one worker of a minor collection.
pub(crate) struct Promotion<'a> {
    old: &'a Mutex<&'a mut OldSpace>,
    bits: &'a Bits,
    cursors: &'a mut Cursors,
    /// Runs of large objects that were promoted.
    pub(crate) large: Vec<u32>,
}

impl<'a> Promotion<'a> {
    pub(crate) fn new(old: &'a Mutex<&'a mut OldSpace>, bits: &'a Bits, cursors: &'a mut Cursors) -> Self {
        Self { old, bits, cursors, large: Vec::new() }
    }
}

impl Promote for Promotion<'_> {
    #[inline(always)]
    fn place(&mut self, info: &'static TypeInfo, size_with_header: usize) -> (*mut u8, SizeClass) {
        self.cursors.place(self.old, self.bits, info, size_with_header)
    }

    #[inline(always)]
    fn take(&mut self, address: *mut u8, class: SizeClass, info: &'static TypeInfo) {
        self.cursors.take(self.bits, address, class, info);
    }

    fn promoted_large(&mut self, page: usize) {
        self.large.push(page as u32);
    }
}
