//! The old generation: the production files that have a model. Marking marks objects that lead nowhere.

#[path = "../../gc-core/src/old/allocate.rs"]
pub(crate) mod allocate;
#[path = "../../gc-core/src/old/promote.rs"]
pub(crate) mod promote;
#[path = "../../gc-core/src/old/sweep.rs"]
pub(crate) mod sweep;
#[path = "../../gc-core/src/old/waiting.rs"]
pub(crate) mod waiting;

/// No model takes a census.
pub(crate) mod tally {
    pub(crate) struct Tally;

    impl Tally {
        /// # Safety
        ///
        /// None: nothing is read.
        pub(crate) unsafe fn count_live(&mut self, _: *mut u8, _: usize) {
            unreachable!("no model takes a census")
        }
    }
}

pub(crate) mod mark {
    use core::ptr::NonNull;

    use crate::{Arc, space::old::Bits};

    pub(crate) struct Marking {
        pub(crate) bits: Arc<Bits>,
    }

    impl Marking {
        pub(crate) fn resurrect(&mut self, objects: impl Iterator<Item = NonNull<u8>>) {
            for object in objects {
                self.bits.marks.set_shared(self.bits.granule(object.addr().get()));
            }
        }
    }
}
