//! The files that `--gc-snapshot` and `--gc-trace` write.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::options::Options;

/// Those that the command line asks for, empty so far.
pub(crate) struct Files {
    pub(crate) snapshot: Option<Output>,
    pub(crate) trace: Option<Output>,
}

/// A file to write, and its name.
pub(crate) struct Output {
    path: PathBuf,
    file: File,
}

/// A file that cannot be written.
#[derive(Debug)]
pub(crate) struct WriteError {
    path: PathBuf,
    error: io::Error,
}

impl Files {
    pub(crate) fn create(options: &Options) -> Result<Self, WriteError> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(Output::create).transpose();
        Ok(Self { snapshot: create(&options.snapshot)?, trace: create(&options.trace)? })
    }
}

impl Output {
    fn create(path: &Path) -> Result<Self, WriteError> {
        match File::create(path) {
            Ok(file) => Ok(Self { path: path.to_owned(), file }),
            Err(error) => Err(WriteError { path: path.to_owned(), error }),
        }
    }

    /// Writes the file by `write`, through a buffer.
    pub(crate) fn write_with(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        let mut out = BufWriter::new(&mut self.file);
        write(&mut out).and_then(|()| out.flush()).map_err(|error| WriteError { path: self.path.clone(), error })
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Could not write file \"{}\": {}.", self.path.display(), self.error)
    }
}
