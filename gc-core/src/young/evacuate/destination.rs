//! Where a survivor goes: to to-space, to the old generation, or nowhere, as it is there already.

use super::*;

impl<'a, P: Promote, const SHARED: bool> Evacuator<'a, P, SHARED> {
    /// Takes the memory of a survivor.
    #[inline(always)]
    pub(super) fn take(&mut self, place: &Place, info: &'static TypeInfo, size_with_header: usize) {
        match *place {
            Place::Young(_, end) => {
                self.copied_bytes += size_with_header;
                self.to.bump_to(end);
            }
            Place::Old(to, class) => {
                self.promoted_bytes += size_with_header;
                self.promoted_objects += 1;
                self.promote.take(to, class, info);
            }
        }
    }

    #[inline(always)]
    pub(super) fn destination(&mut self, address: *mut u8) -> Destination {
        // If everything is promoted, there is no to-space in which an object could be already.
        if self.policy.all {
            return Destination::Old;
        }
        match self.ages.at(address.addr()) {
            Age::Arriving => Destination::ThereAlready,
            age if self.policy.is_test() => self.destination_by_test(age),
            Age::Survivor => Destination::Old,
            _ => Destination::ToSpace,
        }
    }

    /// Returns whether an object of from-space is or will be old, whatever happens before its turn
    /// comes ([order.depth-first]): only if [`destination`](Self::destination) returns
    /// [`Destination::Old`] for it, for every worker and at any time.
    #[inline(always)]
    pub(super) fn becomes_old(&self, address: *mut u8) -> bool {
        self.policy.all || (!self.policy.is_test() && self.ages.at(address.addr()) == Age::Survivor)
    }

    #[cold]
    fn destination_by_test(&mut self, age: Age) -> Destination {
        self.copies += 1;
        if self.policy.to_space_full_every != 0 && self.copies.is_multiple_of(self.policy.to_space_full_every) {
            return Destination::Old;
        }
        let promote = match &mut self.policy.random {
            Some(state) => {
                // SplitMix64 (Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, 2014).
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z >> 62 == 0
            }
            None => !self.policy.never && age == Age::Survivor,
        };
        if promote { Destination::Old } else { Destination::ToSpace }
    }

    /// Returns memory for a survivor that stays young, if there is some.
    #[inline(always)]
    pub(super) fn survivor(&mut self, info: &'static TypeInfo, size_with_header: usize) -> Option<Place> {
        let (to, end) = match self.to.place(&info.shape, size_with_header) {
            Some(place) => place,
            None => self.to.place_slow(&self.evacuation.to_space, &info.shape, size_with_header)?,
        };
        Some(Place::Young(to, end))
    }
}
