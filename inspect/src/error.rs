//! What is wrong with a file: what was expected, what was found, where, and what to do.

use std::{error, fmt, io};

/// The part of a file that was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Section {
    /// What comes before any part: the first bytes, or the object around all parts.
    File,
    /// `"snapshot"` of a heap snapshot, which describes the rest.
    Header,
    /// `"nodes"` of a heap snapshot.
    Nodes,
    /// `"edges"` of a heap snapshot.
    Edges,
    /// `"strings"` of a heap snapshot.
    Strings,
    /// A part of a heap snapshot that is not used here, such as `"trace_tree"`.
    Other,
    /// A pprof profile.
    Profile,
    /// The compression around it.
    Gzip,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "the file",
            Self::Header => "\"snapshot\"",
            Self::Nodes => "\"nodes\"",
            Self::Edges => "\"edges\"",
            Self::Strings => "\"strings\"",
            Self::Other => "a section that is not used here",
            Self::Profile => "the pprof profile",
            Self::Gzip => "the gzip stream",
        })
    }
}

/// Damage in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The part of the file.
    pub section: Section,
    /// Bytes from the beginning of the file, of what is inside if it is compressed: up to where it had been read when the damage was seen.
    pub offset: u64,
    /// What should have been there.
    pub expected: String,
    /// What was there.
    pub found: String,
    /// What to do about it.
    pub advice: &'static str,
}

impl Damage {
    /// What to do when a file ends too early.
    pub(crate) const CUT_OFF: &'static str = "the file is cut off: see whether the disk was full or the program was ended while it wrote, and write it again";
    /// What to do when a file holds something else than it should.
    pub(crate) const REWRITE: &'static str = "the file was damaged after it was written, or its writer has a fault: write it again, or copy it again from where it came from";
    /// What to do with a file of another kind.
    pub(crate) const OTHER_KIND: &'static str =
        "give a file in Chrome's .heapsnapshot format, plain or compressed by gzip";
    /// What to do with a file that is too large.
    pub(crate) const TOO_LARGE: &'static str = "take the snapshot of a smaller heap";

    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            section: Section::File,
            offset: 0,
            expected: expected.into(),
            found: found.into(),
            advice: Self::REWRITE,
        }
    }

    pub(crate) fn advise(mut self, advice: &'static str) -> Self {
        self.advice = advice;
        self
    }

    pub(crate) fn at(mut self, section: Section, offset: u64) -> Self {
        (self.section, self.offset) = (section, offset);
        self
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, offset, expected, found, advice } = self;
        write!(f, "damaged in {section}, at byte {offset}: expected {expected}, found {found}; {advice}")
    }
}

/// Why a file was not read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The system could not open it, or could not read on.
    Io(io::Error),
    /// It is not what it should be.
    Damaged(Damage),
}

impl ReadError {
    /// The damage, if it is that.
    pub fn damage(&self) -> Option<&Damage> {
        match self {
            Self::Damaged(damage) => Some(damage),
            Self::Io(_) => None,
        }
    }

    /// What an error of a reader means: some are of the file's contents, not of the system.
    pub(crate) fn of_reading(error: io::Error, offset: u64) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match error.kind() {
            UnexpectedEof => {
                Damage::new("more of the stream", "its end").advise(Damage::CUT_OFF).at(Section::Gzip, offset).into()
            }
            InvalidData | InvalidInput => {
                Damage::new("a gzip stream that is whole", error.to_string()).at(Section::Gzip, offset).into()
            }
            _ => Self::Io(error),
        }
    }
}

impl From<Damage> for ReadError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::Damaged(damage) => damage.fmt(f),
        }
    }
}

impl error::Error for ReadError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Damaged(_) => None,
        }
    }
}
