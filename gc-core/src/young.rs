//! The young generation: buffers that objects are bump-allocated in, and the copying of what survives.

mod buffer;
mod evacuate;
mod parallel;
mod to_space;

pub(crate) use buffer::Buffer;
pub(crate) use evacuate::{ContentInfo, Evacuator, Pause, Policy, Promote};
pub(crate) use parallel::{Evacuated, evacuate};
pub(crate) use to_space::ToSpace;
