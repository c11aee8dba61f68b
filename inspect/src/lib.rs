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

use std::{io::BufReader, path::Path};

use gc_core::observe::sites::{self, LoadError};

pub use error::{Damage, ReadError, Section};
pub use heapsnapshot::Snapshot;

/// What a file holds, by its first byte once it is decompressed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Contents {
    /// A heap snapshot.
    Snapshot(Box<Snapshot>),
    /// A pprof profile.
    Profile(pprof::Samples),
    /// Allocation sites, as gc-core saves them.
    Sites(sites::Snapshot),
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
            Some(b'{') => Ok(Self::Snapshot(Box::new(Snapshot::read(input)?))),
            // 0x67, which is `g`, is the tag of none either: it would begin a group.
            Some(b'g') => read_sites(input).map(Self::Sites),
            _ => Ok(Self::Profile(pprof::Samples::read(input)?)),
        }
    }
}

fn read_sites(mut input: input::Input<'_>) -> Result<sites::Snapshot, ReadError> {
    let read = sites::Snapshot::load(BufReader::new(&mut input));
    let (offset, failed) = (input.offset(), input.failed.take());
    read.map_err(|error| match (failed, error) {
        (Some(failed), _) => ReadError::of_reading(failed, offset),
        (None, LoadError::Io(error)) => error.into(),
        (None, error) => {
            Damage::new("allocation sites, as gc-core saves them", error.to_string()).at(Section::Sites, offset).into()
        }
    })
}
