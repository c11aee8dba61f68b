//! The commands, and how they show what they found.

mod diff;
mod flame;
mod top;
mod why;

pub(crate) use diff::diff;
pub(crate) use flame::flame;
pub(crate) use top::top;
pub(crate) use why::why;

use std::{
    fmt::Display,
    fs,
    io::{self, Write},
    path::Path,
    time::Duration,
};

use gc_core::observe::Graph;
use gc_inspect::{Contents, Snapshot};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Failure;

/// How things are shown.
pub(crate) struct Show {
    /// Bytes as plain numbers.
    pub(crate) bytes: bool,
    /// No progress.
    pub(crate) quiet: bool,
}

impl Show {
    /// A number of bytes, for people unless plain numbers were asked for.
    fn size(&self, bytes: u64) -> String {
        match self.bytes {
            true => bytes.to_string(),
            false => human(bytes),
        }
    }

    /// A difference, with its sign.
    fn change(&self, bytes: i64) -> String {
        format!("{}{}", sign(bytes), self.size(bytes.unsigned_abs()))
    }

    /// A bar for bytes of a file. It is not drawn where no terminal shows it.
    fn bar(&self, path: &Path) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}");
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        ProgressBar::new(length).with_style(style.expect("the template is valid")).with_message(name)
    }

    /// Does something long, and says so meanwhile.
    fn during<T>(&self, what: &'static str, work: impl FnOnce() -> T) -> T {
        let spinner = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner().with_message(what) };
        spinner.enable_steady_tick(Duration::from_millis(100));
        let done = work();
        spinner.finish_and_clear();
        done
    }

    fn snapshot(&self, path: &Path) -> Result<Snapshot, Failure> {
        let bar = self.bar(path);
        let read = Snapshot::open_watched(path, |bytes| bar.set_position(bytes));
        bar.finish_and_clear();
        read.map_err(|error| Failure::Read(path.into(), error))
    }

    fn contents(&self, path: &Path) -> Result<Contents, Failure> {
        let bar = self.bar(path);
        let read = Contents::open(path, |bytes| bar.set_position(bytes));
        bar.finish_and_clear();
        read.map_err(|error| Failure::Read(path.into(), error))
    }

    fn graph(&self, path: &Path, snapshot: Snapshot) -> Result<Graph, Failure> {
        let made = self.during("connecting the nodes", || snapshot.into_graph());
        made.map_err(|error| Failure::Read(path.into(), error))
    }
}

fn sign(number: i64) -> &'static str {
    match number {
        0 => "",
        1.. => "+",
        _ => "-",
    }
}

/// Bytes, in the largest unit of which there is one at least.
fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = bytes.ilog2() / 10;
    let amount = bytes as f64 / (1_u64 << (10 * power)) as f64;
    format!("{amount:.1} {}", UNITS[power as usize - 1])
}

/// What is printed.
struct Page(io::BufWriter<io::StdoutLock<'static>>);

impl Page {
    fn new() -> Self {
        Self(io::BufWriter::new(io::stdout().lock()))
    }

    fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        writeln!(self.0, "{text}").map_err(Failure::Print)
    }

    /// Columns of figures, and one of texts at the right.
    fn table(&mut self, heads: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([heads[column].len()]).max().unwrap_or(0)
        };
        let last = heads.len() - 1;
        let widths: Vec<_> = (0..last).map(width).collect();
        let mut print = |cells: &[&str]| {
            let figures = cells[..last].iter().zip(&widths);
            let figures: String = figures.map(|(cell, width)| format!("{cell:>width$}  ")).collect();
            self.line(format!("{figures}{}", cells[last]))
        };
        print(heads)?;
        for row in rows {
            print(&row.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), Failure> {
        self.0.flush().map_err(Failure::Print)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_in_the_unit_of_which_there_is_one() {
        let of = |bytes, text| assert_eq!(human(bytes), text);
        of(0, "0 B");
        of(1023, "1023 B");
        of(1024, "1.0 KiB");
        of(1536 << 10, "1.5 MiB");
        of(u64::MAX, "16.0 EiB");
    }
}
