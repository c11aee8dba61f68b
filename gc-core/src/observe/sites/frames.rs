//! Frames of backtraces, and their names.

use core::fmt;
use std::sync::Arc;

/// A frame of a backtrace. Python: `tracemalloc.Frame`.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig { frames: 4, ..SitesConfig::exact() }).build()?;
/// # let m = heap.attach()?;
/// m.alloc(1);
/// let mut snapshot = sites::snapshot(&m);
/// snapshot.symbolise();
/// for frame in snapshot.traces()[0].backtrace() {
///     println!("{:#x} {:?} {:?}", frame.address(), frame.function(), frame.line());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    pub(super) address: u64,
    pub(super) function: Option<Arc<str>>,
    pub(super) file: Option<Arc<str>>,
    pub(super) line: Option<u32>,
}

impl Frame {
    /// Returns a frame without a name.
    pub(super) fn at(address: u64) -> Self {
        Self { address, function: None, file: None, line: None }
    }

    /// Returns the return address. Functions that were inlined share one.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Returns the name of the function, if it is known: see
    /// [`Snapshot::symbolise`](super::Snapshot::symbolise).
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// Returns the source file, if it is known.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Returns the line in the source file, if it is known.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.line
    }
}

/// Prints the function and the place, or the address.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(function) => f.write_str(function)?,
            None => write!(f, "{:#x}", self.address)?,
        }
        if let Some(file) = &self.file {
            write!(f, " ({file}:{})", self.line.unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Returns the frames at these addresses, the innermost first: `most` of them, from the first one
/// on that is not of this crate.
#[cfg(feature = "backtraces")]
pub(super) fn symbolised(addresses: impl Iterator<Item = u64>, most: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    // The outermost one may have none.
    for address in addresses.filter(|&address| address != 0) {
        let before = frames.len();
        // The address is where the callee returns to: the call is before it.
        let call = core::ptr::without_provenance_mut((address as usize).saturating_sub(1));
        backtrace::resolve(call, |symbol| {
            frames.push(Frame {
                address,
                function: symbol.name().map(|name| format!("{name:#}").into()),
                file: symbol.filename().map(|file| file.to_string_lossy().into()),
                line: symbol.lineno(),
            });
        });
        if frames.len() == before {
            frames.push(Frame::at(address));
        }
    }
    // Names may lack their paths, and files their names: either says it.
    let folder = file!().trim_end_matches("observe/sites/frames.rs");
    let is_own = |frame: &Frame| {
        let name = frame.function.as_deref().unwrap_or_default().trim_start_matches('<');
        let file = frame.file.as_deref().unwrap_or_default();
        ["gc_core::", "backtrace::"].into_iter().any(|own| name.starts_with(own))
            || file.contains(folder)
            || file.contains("/backtrace-0.")
    };
    let own = frames.iter().take_while(|frame| is_own(frame)).count();
    // A backtrace of nothing else stays as it is.
    frames.drain(..if own < frames.len() { own } else { 0 });
    frames.truncate(most);
    frames
}

/// Returns the frames at these addresses, without names: the crate has no feature `backtraces`.
#[cfg(not(feature = "backtraces"))]
pub(super) fn symbolised(addresses: impl Iterator<Item = u64>, most: usize) -> Vec<Frame> {
    addresses.map(Frame::at).take(most).collect()
}

#[cfg(all(test, feature = "backtraces"))]
mod tests {
    use crate::{Gc, Heap, Mutator, observe::sites};

    /// The innermost frame that is not of this crate's methods; it has a name of its own.
    #[inline(never)]
    fn allocates(m: &Mutator) -> Gc<'_, [u64; 4]> {
        core::hint::black_box(m.alloc([1; 4]))
    }

    #[test]
    fn a_backtrace_has_the_functions_that_called() {
        let config = sites::SitesConfig { frames: 200, ..sites::SitesConfig::exact() };
        let heap = Heap::builder().sites(config).build().unwrap();
        let m = heap.attach().unwrap();
        let object = allocates(&m);
        // These tests are of this crate themselves, so the frames up to the one that runs tests are left out.
        let frames =
            super::symbolised(sites::snapshot(&m).traces()[0].backtrace().iter().map(super::Frame::address), 200);
        assert!(frames.iter().all(|frame| frame.address() != 0) && frames.len() > 1, "{frames:?}");
        assert!(frames[0].function().is_some_and(|name| !name.starts_with("gc_core::")), "{}", frames[0]);
        let mut snapshot = sites::snapshot(&m);
        snapshot.symbolise();
        assert_eq!(snapshot.traces()[0].backtrace(), frames);
        assert_eq!(sites::backtrace_of(&m, object), Some(frames));
        let mut file = Vec::new();
        snapshot.save(&mut file).unwrap();
        assert_eq!(sites::Snapshot::load(&*file).unwrap(), snapshot);
        assert!(snapshot.cumulative(sites::GroupBy::Site).len() > 1);
    }
}
