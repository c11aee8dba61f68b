//! Who collects what when: the cycle, its pacing, and the thread that works beside the program.

pub(crate) mod allocate;
pub(crate) mod background;
mod cycle;
pub(crate) mod describe;
pub(crate) mod full;
pub(crate) mod handle;
mod helpers;
mod live_count;
pub(crate) mod local;
mod marker;
mod pace;
pub(crate) mod pending;
mod queue;
mod request;
pub(crate) mod role;
mod root_word;
pub(crate) mod roots;
pub(crate) mod shared;
mod verify;
mod world;

pub(crate) use request::{at_safepoint, request};
