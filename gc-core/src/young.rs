//! The young generation: buffers in which objects are bump-allocated, and the evacuation of
//! survivors.

mod buffer;
mod evacuate;
mod pairs;
mod parallel;
mod sampler;
mod survivors;
mod to_space;

pub(crate) use buffer::Buffer;
pub(crate) use evacuate::{ContentInfo, Evacuation, Evacuator, Policy, Promote};
pub(crate) use parallel::{Evacuated, evacuate_reachable};
pub(crate) use sampler::{Sampler, weight};
pub(crate) use survivors::Survivors;
pub(crate) use to_space::ToSpace;
