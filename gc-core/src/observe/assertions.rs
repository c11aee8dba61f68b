//! Assertions for tests: nothing grows, nothing of a type is left.

use core::any::type_name;

use crate::{Mutator, stats::Amount};

use super::{Graph, census::Census, leaks::Leaks, samples::sample_paths};

/// How often [`assert_no_growth`] runs what it tests, after the first time.
const ROUNDS: usize = 3;

/// Runs `body` four times, with a census after each, and panics if the bytes of some type have
/// grown each time.
///
/// What `body` keeps once, as a cache that is filled by the first run, is no growth. Nor is what
/// other threads allocate, unless it grows each time, too. It costs four full collections.
///
/// # Panics
///
/// If a type has grown in each of the last three runs: the message has the types, with the objects
/// and bytes by which they have grown, and with paths from roots to some of them, as
/// [`LeakReport::explain`](super::LeakReport::explain) finds them.
///
/// ```
/// # use gc_core::{Heap, observe::assert_no_growth};
/// # let heap = Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// assert_no_growth(&mut m, |m| {
///     let request = m.root(m.alloc_str("GET /"));
///     m.safepoint();
///     assert_eq!(&*request.get(m), "GET /");
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```should_panic
/// # use gc_core::{Heap, observe::assert_no_growth};
/// # let heap = Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let mut sessions = Vec::new();
/// assert_no_growth(&mut m, |m| sessions.push(m.root(m.alloc_str("a session"))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn assert_no_growth<R>(m: &mut Mutator, mut body: impl FnMut(&mut Mutator) -> R) {
    let mut leaks = Leaks::over(ROUNDS);
    for _ in 0..=ROUNDS {
        body(m);
        leaks.observe(m);
    }
    let report = leaks.report();
    if !report.suspects().is_empty() {
        let report = report.clone().explain(m).unwrap_or(report);
        panic!("assert_no_growth: expected that no run leaves more than the one before, found {report}");
    }
}

/// Takes a census, and panics if an object of type `T` is alive: `T`, `[T]` or `str`.
///
/// It costs a full collection. Types are told apart by name, as by [`Census::count`].
///
/// # Panics
///
/// If there is one: the message has the number of them, their bytes, and paths from roots to some
/// of them.
///
/// ```
/// # use gc_core::{Heap, observe::assert_none_left};
/// # let heap = Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let text = m.root(m.alloc_str("text"));
/// drop(text);
/// assert_none_left::<str>(&mut m);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```should_panic
/// # use gc_core::{Heap, observe::assert_none_left};
/// # let heap = Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let text = m.root(m.alloc_str("text"));
/// assert_none_left::<str>(&mut m);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn assert_none_left<T: ?Sized>(m: &mut Mutator) {
    let Amount { objects, bytes } = Census::take(m).amount::<T>();
    if objects > 0 {
        let name = type_name::<T>();
        let paths = Graph::take(m).map(|graph| sample_paths(&graph, name)).unwrap_or_default();
        panic!(
            "assert_none_left: expected no object of type {name} after a full collection, found {objects} of {bytes} bytes\n  {}",
            paths.join("\n  ")
        );
    }
}
