//! The old generation: where promoted objects go, which of them live, and taking the others' memory back.

pub(crate) mod mark;
pub(crate) mod promote;
pub(crate) mod sweep;
