//! The young generation: buffers that objects are bump-allocated in, and the copying of what survives.

mod buffer;
mod evacuate;

pub(crate) use buffer::Buffer;
pub(crate) use evacuate::{Evacuator, Policy, Promote};
