//! The young generation: buffers in which objects are bump-allocated, and the evacuation of survivors.

mod buffer;
mod evacuate;
mod parallel;
mod to_space;

pub(crate) use buffer::Buffer;
pub(crate) use evacuate::{ContentInfo, Evacuation, Evacuator, Policy, Promote, Survivors};
pub(crate) use parallel::{Evacuated, evacuate_reachable};
pub(crate) use to_space::ToSpace;
