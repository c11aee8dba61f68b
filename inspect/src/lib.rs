//! Reads and writes the files that viewers of heaps and profiles read, and answers questions on them.
//!
//! [`Snapshot`] reads Chrome's `.heapsnapshot`, by gc-core or by V8; [`pprof`] writes and reads profiles of allocation sites. The command
//! `gc-inspect` is made of these: why something is alive, what grew, where memory goes.

#![forbid(unsafe_code)]

mod error;
mod graph;
pub mod heapsnapshot;
mod input;
pub mod pprof;

use std::path::Path;

pub use error::{Damage, ReadError, Section};
pub use heapsnapshot::Snapshot;

/// What a file holds, by its first byte once it is decompressed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Contents {
    /// A heap snapshot.
    Snapshot(Snapshot),
    /// A pprof profile.
    Profile(pprof::Samples),
}

impl Contents {
    /// Reads a file of either kind; `progress` gets, now and then, how many bytes of it have been read.
    ///
    /// # Errors
    ///
    /// The system's, and damage: see [`Damage`].
    pub fn open(path: impl AsRef<Path>, progress: impl FnMut(u64)) -> Result<Self, ReadError> {
        let mut input = input::Input::open(path.as_ref(), progress)?;
        // A profile begins with the tag of one of its fields, which may be 0x0a, a line's end; 0x7b, which is `{`, is of none.
        match input.peek()? {
            Some(b'{') => Ok(Self::Snapshot(Snapshot::read(input)?)),
            _ => Ok(Self::Profile(pprof::Samples::read(input)?)),
        }
    }
}
