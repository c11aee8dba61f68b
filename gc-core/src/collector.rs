//! Who collects what when: the cycle, its pacing, and the thread that works beside the program.

pub(crate) mod allocate;
pub(crate) mod background;
pub(crate) mod config;
mod cycle;
pub(crate) mod describe;
pub(crate) mod event;
pub(crate) mod full;
pub(crate) mod handle;
mod helpers;
mod histogram;
mod live_count;
pub(crate) mod local;
mod marker;
pub(crate) mod nested_roots;
mod pace;
pub(crate) mod pending;
mod queue;
mod report;
mod request;
mod root_word;
pub(crate) mod roots;
pub(crate) mod shared;
pub(crate) mod stats;
pub(crate) mod stress;
mod utilisation;
mod verify;
mod world;

pub use config::{BuildError, Thresholds};
pub use event::{Event, Level, Step};
pub use histogram::Histogram;
pub use report::{Cause, CollectReport, Generation};
pub(crate) use request::{at_safepoint, request};
pub use stats::{Counts, Stats};
pub use stress::{ParseStressError, Stress};
