//! The old generation: memory for promoted objects, marking the live ones, sweeping the others, and
//! moving objects out of sparse blocks.

pub(crate) mod allocate;
pub(crate) mod evacuate;
pub(crate) mod mark;
pub(crate) mod promote;
pub(crate) mod sweep;
pub(crate) mod tally;
pub(crate) mod update;
pub(crate) mod waiting;
