//! Assertions for tests: nothing grows, nothing of a type is left.

use core::any::type_name;

use crate::{Mutator, stats::Amount};

use super::{census::Census, leaks::Leaks};

/// How often [`assert_no_growth`] runs what it tests, after the first time.
const ROUNDS: usize = 3;

/// Runs `body` four times, with a census after each, and panics if the bytes of some type have grown each time.
///
/// What `body` keeps once, as a cache that is filled by the first run, is no growth. Nor is what other threads allocate, unless it grows
/// each time, too. It costs four full collections.
///
/// # Panics
///
/// If a type has grown in each of the last three runs: the message has the types, with the objects and bytes by which they have grown.
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
    assert!(
        report.suspects().is_empty(),
        "assert_no_growth: expected that each run leaves no more objects than the one before, found that {report}"
    );
}

/// Takes a census, and panics if an object of type `T` is alive: `T`, `[T]` or `str`.
///
/// It costs a full collection. Types are told apart by name, as by [`Census::count`].
///
/// # Panics
///
/// If there is one: the message has the number of them, and their bytes.
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
    let name = type_name::<T>();
    assert!(
        objects == 0,
        "assert_none_left: expected no object of type {name} after a full collection, found {objects} of {bytes} bytes"
    );
}
