//! The spaces that objects live in. The old one, its candidates and the free runs are the production files; there are no large objects.

#[path = "../../gc-core/src/space/candidates.rs"]
pub(crate) mod candidates;
#[path = "../../gc-core/src/space/empty_blocks.rs"]
pub(crate) mod empty_blocks;
#[path = "../../gc-core/src/space/free_runs.rs"]
pub(crate) mod free_runs;
#[path = "../../gc-core/src/space/old.rs"]
pub(crate) mod old;
#[path = "../../gc-core/src/space/peak.rs"]
pub(crate) mod peak;

/// Returns a set without candidates.
pub(crate) fn no_candidates() -> crate::Arc<candidates::Candidates> {
    crate::Arc::new(candidates::Candidates::new(crate::memory::AddressMap::new()).unwrap())
}

/// Memory behind blocks, without a limit.
pub(crate) struct AnyMemory;

impl empty_blocks::BlockMemory for AnyMemory {
    fn charge(&self, _: usize, _: usize) -> bool {
        true
    }

    fn grow(&self, _: usize, _: usize) -> bool {
        true
    }
}

pub(crate) mod large {
    use crate::object::TypeInfo;

    pub(crate) struct LargeSpace {
        pub(crate) old: Vec<u32>,
        pub(crate) unswept: Vec<u32>,
    }

    /// The run table of a heap without large objects.
    pub(crate) struct RunTable;
    pub(crate) struct Run;

    pub(crate) enum RunState {
        Dead,
    }

    impl LargeSpace {
        pub(crate) fn give_back(&mut self, _: &RunTable, _: u32) {
            unreachable!("there are no large objects")
        }
    }

    impl RunTable {
        pub(crate) fn run(&self, _: usize) -> &Run {
            unreachable!("there are no large objects")
        }

        pub(crate) fn run_of(&self, _: usize) -> &Run {
            unreachable!("there are no large objects")
        }

        pub(crate) fn address(&self, _: usize) -> *mut u8 {
            unreachable!("there are no large objects")
        }

        pub(crate) fn object(&self, _: usize) -> (*mut u8, &'static TypeInfo) {
            unreachable!("there are no large objects")
        }
    }

    impl Run {
        pub(crate) fn is_old(&self) -> bool {
            true
        }

        pub(crate) fn is_marked(&self) -> bool {
            true
        }

        pub(crate) fn mark(&self) -> bool {
            false
        }

        pub(crate) fn unmark(&self) {}

        pub(crate) fn bytes(&self) -> usize {
            0
        }

        pub(crate) fn drops(&self) -> bool {
            true
        }

        pub(crate) fn set_state(&self, _: RunState) {}
    }
}
