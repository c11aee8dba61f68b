//! What the production files need of reports.

pub(crate) mod report {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum Cause {
        Explicit,
    }

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct CollectReport(pub(crate) u64);
}
