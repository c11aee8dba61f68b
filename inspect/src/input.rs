//! A file, decompressed if need be, that knows how far it has been read.
//!
//! serde_json reads from a reader byte by byte, so the next byte costs a comparison here and no call; and when it stops, what it has
//! taken is where it stopped. That is the offset in every error.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;

use crate::error::ReadError;

/// The first bytes of what gzip compressed.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes asked of the system at a time.
const BLOCK: usize = 256 << 10;

/// See the [module](self).
pub(crate) struct Input<'a> {
    source: Box<dyn Read + 'a>,
    block: Box<[u8]>,
    next: usize,
    end: usize,
    /// Offset of the block's first byte.
    base: u64,
    /// Bytes in it, where that is known: of a file that is not compressed.
    pub(crate) length: Option<u64>,
    compressed: bool,
    /// An error of the source: serde_json keeps no more of it than the text.
    pub(crate) failed: Option<io::Error>,
}

/// Tells how far a file has been read.
struct Watched<R, F>(R, u64, F);

impl<R: Read, F: FnMut(u64)> Read for Watched<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1 += count as u64;
        (self.2)(self.1);
        Ok(count)
    }
}

impl<'a> Input<'a> {
    /// A file; `progress` gets the bytes read from it so far, now and then.
    pub(crate) fn open(path: &Path, progress: impl FnMut(u64) + 'a) -> Result<Self, ReadError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut input = Self::new(Watched(file, 0, progress))?;
        input.length = (!input.compressed).then_some(length);
        Ok(input)
    }

    /// What a reader has, decompressed if it begins as gzip's streams do.
    pub(crate) fn new(mut source: impl Read + 'a) -> Result<Self, ReadError> {
        let mut first = Vec::with_capacity(GZIP.len());
        source.by_ref().take(GZIP.len() as u64).read_to_end(&mut first)?;
        let compressed = first == GZIP;
        let source = io::Cursor::new(first).chain(source);
        let source: Box<dyn Read> = match compressed {
            true => Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(BLOCK, source))),
            false => Box::new(source),
        };
        let block = vec![0; BLOCK].into();
        Ok(Self { source, block, next: 0, end: 0, base: 0, length: None, compressed, failed: None })
    }

    /// Bytes taken so far.
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.next as u64
    }

    /// The next byte, which is not taken.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        if self.next == self.end
            && let Err(error) = self.fill()
        {
            return Err(ReadError::of_reading(error, self.offset()));
        }
        Ok(self.block[..self.end].get(self.next).copied())
    }

    #[cold]
    #[inline(never)]
    fn fill(&mut self) -> io::Result<()> {
        self.base += self.end as u64;
        (self.next, self.end) = (0, 0);
        self.end = loop {
            match self.source.read(&mut self.block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        Ok(())
    }
}

impl Read for Input<'_> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.next == self.end
            && let Err(error) = self.fill()
        {
            let copy = io::Error::from(error.kind());
            self.failed = Some(error);
            return Err(copy);
        }
        if let [byte] = buffer {
            let Some(next) = self.block[..self.end].get(self.next) else { return Ok(0) };
            *byte = *next;
            self.next += 1;
            return Ok(1);
        }
        let count = buffer.len().min(self.end - self.next);
        buffer[..count].copy_from_slice(&self.block[self.next..self.next + count]);
        self.next += count;
        Ok(count)
    }
}
