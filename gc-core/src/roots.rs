//! Roots: the values that programs keep across safepoints.
//!
//! ```text
//!   RootTable (a mutator's) ──▶ chunks of slots ◀── RootSpace: those that mutators have left (the pool)
//!                                │
//!                                ├ question: may a root of it hold something young?
//!                                └ word: who owns it, how many roots are left, which slots were dropped elsewhere
//! ```
//!
//! A young pause looks at the chunks in question (`question`), and at those with drops (`noted`):
//! never at all of them. Marking, compaction and the verifier look at every root (`stopped`).

pub(crate) mod aside;
mod attendance;
mod boxed;
mod chunk;
mod chunk_word;
mod frames;
mod noted;
mod pages;
mod places;
mod question;
mod root_ref;
mod root_word;
mod space;
mod stopped;
mod table;

pub(crate) use boxed::BoxedValue;
pub(crate) use chunk::{HeapHandle, Owner};
pub(crate) use frames::{Frame, FrameHead, FrameWord, Frames};
pub(crate) use question::Survival;
pub(crate) use root_ref::RootRef;
pub(crate) use space::{EmptyChunks, RootSpace};
pub(crate) use stopped::{Found, StoppedRoots};
pub(crate) use table::RootTable;
