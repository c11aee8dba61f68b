//! Who collects what when: the cycle, its pacing, and the thread that works beside the program.

pub(crate) mod allocate;
pub(crate) mod background;
mod cycle;
pub(crate) mod describe;
pub(crate) mod full;
pub(crate) mod handle;
mod job_queue;
pub(crate) mod local;
mod marker;
mod pace;
pub(crate) mod pending;
mod request;
pub(crate) mod shared;
mod verify;
mod world;

pub(crate) use request::{at_safepoint, request};
