//! How long things took.

use super::{histogram::Histogram, mmu::Utilisation};

/// How long things took.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) pauses: Histogram,
    pub(crate) utilisation: Utilisation,
    /// From a request to the moment the world stands, where somebody had to be waited for.
    pub(crate) to_safepoint: Histogram,
    /// The thread that the longest of these waited for.
    pub(crate) slowest: Option<String>,
}
