//! pprof's profiles: allocation sites, for `go tool pprof`, speedscope and all that read them.
//!
//! The format is [`profile.proto`] of pprof, compressed by gzip: rows of values, each with a stack, by numbers in tables of functions,
//! locations and strings.
//!
//! ```
//! # fn main() -> Result<(), gc_inspect::ReadError> {
//! use gc_inspect::pprof::{Frame, Profile, Row};
//!
//! let mut profile = Profile::new(512 << 10);
//! profile.rows.push(Row {
//!     stack: vec![Frame { function: "demo::load".into(), file: "src/demo.rs".into(), line: 12 }],
//!     type_name: "demo::Tree".into(),
//!     generation: "old".into(),
//!     alloc_objects: 1000,
//!     alloc_space: 24_000,
//!     inuse_objects: 10,
//!     inuse_space: 240,
//! });
//! let mut file = Vec::new();
//! profile.write(&mut file)?;
//! let read = gc_inspect::pprof::Samples::from_reader(&file[..])?;
//! assert_eq!(read.types[3].name, "inuse_space");
//! assert_eq!(read.samples[0].values[3], 240);
//! # Ok(())
//! # }
//! ```
//!
//! [`profile.proto`]: https://github.com/google/pprof/blob/main/proto/profile.proto

mod message;
mod read;
mod write;

pub use read::{Sample, SampleType, Samples};

use std::time::{Duration, SystemTime};

/// A call in a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The function's path.
    pub function: String,
    /// Its file.
    pub file: String,
    /// The line of the call, from 1; 0 if it is not known.
    pub line: u32,
}

/// What one site allocated of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The calls that led there, the innermost first. One of them is a site.
    pub stack: Vec<Frame>,
    /// The type of the objects: the label `type`. Left out where it is empty.
    pub type_name: String,
    /// Where they lie: the label `generation`. Left out where it is empty.
    pub generation: String,
    /// Objects allocated in all: an estimate, if it was sampled.
    pub alloc_objects: u64,
    /// Bytes allocated in all.
    pub alloc_space: u64,
    /// Objects that are alive.
    pub inuse_objects: u64,
    /// Bytes that are alive.
    pub inuse_space: u64,
}

/// A profile, to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// A row for each site, type and generation.
    pub rows: Vec<Row>,
    /// Bytes between two samples, on the average.
    pub period: u64,
    /// When it was taken.
    pub taken: Option<SystemTime>,
    /// For how long sites had been tracked.
    pub tracked: Option<Duration>,
}

impl Profile {
    /// An empty one.
    pub fn new(period: u64) -> Self {
        Self { rows: Vec::new(), period, taken: None, tracked: None }
    }
}
