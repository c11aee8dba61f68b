//! The old generation: memory for promoted objects, marking the live ones, and sweeping the others.

pub(crate) mod mark;
pub(crate) mod promote;
pub(crate) mod sweep;
