//! What `collector::full` knows of reports.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    Explicit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CollectReport(pub(crate) u64);
