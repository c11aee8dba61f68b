//! Snapshots in files.
//!
//! Lines of text, each of fields with a tab between them. In a field `\t`, `\n`, `\r` and `\\`
//! stand for a tab, the ends of lines and a backslash; `-` alone stands for nothing, and `\-` for a
//! hyphen that is alone. Numbers are decimal.
//!
//! ```text
//! gc-core sites   1
//! heap    sample_bytes  frames  live bytes  peak bytes
//! trace   type  file  line  column  allocated objects  bytes  not followed objects  bytes  and live objects  bytes of generation 0, 1, 2
//! frame   address  function  file  line      each belongs to the trace before it, the innermost first
//! end     number of traces
//! ```
//!
//! The number of the first line is the version of the format. What is read is checked line by line,
//! and takes memory in proportion to the file.

use core::{fmt, str::Split};
use std::{
    io::{self, BufRead, Read, Write},
    sync::Arc,
};

use super::{
    frames::Frame,
    snapshot::{Estimate, Site, SiteTrace, Snapshot},
};

const MAGIC: &str = "gc-core sites";
const VERSION: &str = "1";
/// A longer line is an error.
const MAX_LINE: u64 = 1 << 20;

/// Why a file is no snapshot.
///
/// ```
/// use gc_core::observe::sites::{LoadError, Snapshot};
///
/// let error = Snapshot::load(&b"gc-core sites\t1\nheap\tmany"[..]).unwrap_err();
/// assert!(matches!(error, LoadError::Line { number: 2, .. }));
/// assert_eq!(error.to_string(), "line 2: expected a number, found `many`");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The file could not be read.
    Io(io::Error),
    /// It is a snapshot, in a version that this crate does not know.
    Version {
        /// The version.
        found: String,
    },
    /// A line is not as it should be.
    Line {
        /// The number of the line, from 1 on.
        number: u64,
        /// What should be there.
        expected: &'static str,
        /// What is there instead, or its beginning.
        found: String,
    },
}

/// Its message has that of the error of reading, which is no [`source`](std::error::Error::source)
/// beside it.
impl std::error::Error for LoadError {}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "could not read the snapshot: {error}"),
            Self::Version { found } => write!(f, "expected a snapshot of version {VERSION}, found version {found}"),
            Self::Line { number, expected, found } => write!(f, "line {number}: expected {expected}, found `{found}`"),
        }
    }
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes a field.
struct Field<'a>(Option<&'a str>);

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(text) = self.0 else { return f.write_str("-") };
        if text == "-" {
            return f.write_str("\\-");
        }
        for c in text.chars() {
            match c {
                '\t' => f.write_str("\\t")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\\' => f.write_str("\\\\")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

impl Snapshot {
    /// Writes the snapshot: lines of text, some hundred bytes for each trace. Python:
    /// `Snapshot.dump`.
    ///
    /// The first line names the format and its version, 1. In all lines a tab is between fields.
    /// `heap` is followed by the mean bytes from one sample to the next, the frames of a backtrace,
    /// and the live and peak bytes. Each `trace` has its type, file, line and column, and then
    /// objects and bytes: allocated, not followed, and live in each generation. Each `frame` below
    /// it has an address, a function, a file and a line, or `-`. The last line is `end` with the
    /// number of traces. Tabs, ends of lines and backslashes in names are written as `\t`, `\n`,
    /// `\r` and `\\`.
    ///
    /// # Errors
    ///
    /// If `file` returns one.
    ///
    /// ```
    /// use gc_core::observe::sites::{self, SitesConfig, Snapshot};
    /// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
    /// # let m = heap.attach()?;
    /// m.alloc(1);
    /// let (snapshot, mut file) = (sites::snapshot(&m), Vec::new());
    /// snapshot.save(&mut file)?;
    /// assert!(file.starts_with(b"gc-core sites\t1\n"));
    /// assert_eq!(Snapshot::load(&*file)?, snapshot);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, mut file: impl Write) -> io::Result<()> {
        writeln!(file, "{MAGIC}\t{VERSION}")?;
        writeln!(file, "heap\t{}\t{}\t{}\t{}", self.sample_bytes, self.frames, self.traced.0, self.traced.1)?;
        for SiteTrace { type_name, site, backtrace, allocated, lost, live } in &self.traces {
            let [type_name, name] = [type_name, &site.file].map(|name| Field(Some(name)));
            write!(file, "trace\t{type_name}\t{name}\t{}\t{}", site.line, site.column)?;
            for Estimate { objects, bytes } in [allocated, lost].into_iter().chain(live) {
                write!(file, "\t{objects}\t{bytes}")?;
            }
            writeln!(file)?;
            for Frame { address, function, file: name, line } in &**backtrace {
                let [function, name] = [function, name].map(|name| Field(name.as_deref()));
                write!(file, "frame\t{address}\t{function}\t{name}\t")?;
                match line {
                    Some(line) => writeln!(file, "{line}")?,
                    None => writeln!(file, "-")?,
                }
            }
        }
        writeln!(file, "end\t{}", self.traces.len())?;
        file.flush()
    }

    /// Reads a snapshot that [`save`](Self::save) has written. Python: `Snapshot.load`.
    ///
    /// # Errors
    ///
    /// If `file` returns one, or if what it has is not a whole snapshot. Whatever the file holds,
    /// this does not panic, and takes memory in proportion to it.
    ///
    /// ```
    /// use gc_core::observe::sites::{LoadError, Snapshot};
    ///
    /// assert!(matches!(Snapshot::load(&b"gc-core sites\t2\n"[..]), Err(LoadError::Version { found }) if found == "2"));
    /// ```
    pub fn load(file: impl BufRead) -> Result<Self, LoadError> {
        let mut lines = Lines { file, number: 0, line: Vec::new() };
        let mut first = lines.next(MAGIC)?;
        let version = first.text("the version")?;
        if &*version != VERSION {
            return Err(LoadError::Version { found: shortened(&version) });
        }
        first.end()?;
        let mut heap = lines.next("heap")?;
        let mut snapshot = Self {
            sample_bytes: heap.number()?,
            frames: heap.number()?,
            traced: (heap.number()?, heap.number()?),
            traces: Vec::new(),
        };
        heap.end()?;
        let mut frames = Vec::new();
        loop {
            let mut fields = lines.next_any()?;
            match fields.keyword {
                "trace" => {
                    close(&mut snapshot, &mut frames);
                    snapshot.traces.push(fields.trace()?);
                }
                "frame" if !snapshot.traces.is_empty() => frames.push(fields.frame()?),
                "end" => {
                    close(&mut snapshot, &mut frames);
                    let traces: u64 = fields.number()?;
                    if traces != snapshot.traces.len() as u64 {
                        return Err(fields.error("the number of the traces before", &traces.to_string()));
                    }
                    fields.end()?;
                    lines.end()?;
                    return Ok(snapshot);
                }
                other => return Err(fields.error("`trace`, `frame` or `end`", other)),
            }
        }
    }
}

/// Gives the last trace its frames.
fn close(snapshot: &mut Snapshot, frames: &mut Vec<Frame>) {
    if let Some(trace) = snapshot.traces.last_mut() {
        trace.backtrace = core::mem::take(frames).into();
    }
}

/// Returns the beginning of a text, for a message.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

struct Lines<R> {
    file: R,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn error(&self, expected: &'static str, found: &str) -> LoadError {
        LoadError::Line { number: self.number, expected, found: shortened(found) }
    }

    /// Returns the fields of the next line.
    fn next_any(&mut self) -> Result<Fields<'_>, LoadError> {
        self.number += 1;
        self.line.clear();
        self.file.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.line)?;
        let is_whole = self.line.pop_if(|byte| *byte == b'\n').is_some();
        let Ok(text) = core::str::from_utf8(&self.line) else { return Err(self.error("text in UTF-8", "other bytes")) };
        if !is_whole && text.is_empty() {
            return Err(self.error("a line", "the end of the file"));
        }
        if !is_whole && self.line.len() as u64 == MAX_LINE {
            return Err(self.error("a line of less than a megabyte", text));
        }
        let mut fields = text.split('\t');
        let keyword = fields.next().unwrap_or_default();
        Ok(Fields { keyword, fields, number: self.number, is_whole })
    }

    /// Does the same for a line that begins with a keyword.
    fn next(&mut self, keyword: &'static str) -> Result<Fields<'_>, LoadError> {
        let fields = self.next_any()?;
        if fields.keyword == keyword { Ok(fields) } else { Err(fields.error(keyword, fields.keyword)) }
    }

    /// Expects that there is no more.
    fn end(mut self) -> Result<(), LoadError> {
        match self.file.fill_buf()? {
            [] => Ok(()),
            _ => {
                self.number += 1;
                Err(self.error("the end of the file", "more"))
            }
        }
    }
}

struct Fields<'a> {
    keyword: &'a str,
    fields: Split<'a, char>,
    number: u64,
    /// Whether the line has an end.
    is_whole: bool,
}

impl Fields<'_> {
    fn error(&self, expected: &'static str, found: &str) -> LoadError {
        LoadError::Line { number: self.number, expected, found: shortened(found) }
    }

    fn field(&mut self, expected: &'static str) -> Result<&str, LoadError> {
        match self.fields.next() {
            Some(field) => Ok(field),
            None => Err(self.error(expected, "the end of the line")),
        }
    }

    fn parse<T: core::str::FromStr>(&self, field: &str) -> Result<T, LoadError> {
        // A sign is none of a number here.
        let digits = field.bytes().all(|byte| byte.is_ascii_digit());
        field.parse().ok().filter(|_| digits).ok_or_else(|| self.error("a number", field))
    }

    fn number<T: core::str::FromStr>(&mut self) -> Result<T, LoadError> {
        let field = self.field("a number")?.to_owned();
        self.parse(&field)
    }

    fn optional<T>(
        &mut self,
        expected: &'static str,
        read: impl FnOnce(&Self, &str) -> Result<T, LoadError>,
    ) -> Result<Option<T>, LoadError> {
        let field = self.field(expected)?.to_owned();
        if field == "-" { Ok(None) } else { read(self, &field).map(Some) }
    }

    fn text(&mut self, expected: &'static str) -> Result<Arc<str>, LoadError> {
        let text = self.optional(expected, Self::unescape)?;
        text.ok_or_else(|| self.error(expected, "-"))
    }

    fn unescape(&self, field: &str) -> Result<Arc<str>, LoadError> {
        if field == "\\-" {
            return Ok("-".into());
        }
        let (mut text, mut chars) = (String::with_capacity(field.len()), field.chars());
        while let Some(c) = chars.next() {
            text.push(match c {
                '\\' => match chars.next() {
                    Some('t') => '\t',
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('\\') => '\\',
                    _ => return Err(self.error("a `t`, `n`, `r` or backslash behind each backslash", field)),
                },
                c => c,
            });
        }
        Ok(text.into())
    }

    fn estimate(&mut self) -> Result<Estimate, LoadError> {
        Ok(Estimate { objects: self.number()?, bytes: self.number()? })
    }

    fn trace(&mut self) -> Result<SiteTrace, LoadError> {
        let trace = SiteTrace {
            type_name: self.text("the name of a type")?,
            site: Site { file: self.text("the name of a file")?, line: self.number()?, column: self.number()? },
            backtrace: Arc::default(),
            allocated: self.estimate()?,
            lost: self.estimate()?,
            live: [self.estimate()?, self.estimate()?, self.estimate()?],
        };
        self.end().map(|()| trace)
    }

    fn frame(&mut self) -> Result<Frame, LoadError> {
        let frame = Frame {
            address: self.number()?,
            function: self.optional("the name of a function", Self::unescape)?,
            file: self.optional("the name of a file", Self::unescape)?,
            line: self.optional("a line", Self::parse)?,
        };
        self.end().map(|()| frame)
    }

    /// Expects that the line has no more fields.
    fn end(&mut self) -> Result<(), LoadError> {
        match self.fields.next() {
            Some(more) => Err(self.error("the end of the line", more)),
            None if !self.is_whole => Err(self.error("the end of the line", "the end of the file")),
            None => Ok(()),
        }
    }
}
