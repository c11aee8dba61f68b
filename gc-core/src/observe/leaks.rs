//! Leaks: types that grow from one full collection to the next.

use core::fmt;
use std::collections::{HashMap, VecDeque};

use crate::{Mutator, object::TypeShape, stats::Amount};

use super::{Graph, GraphError, census::Census, samples::sample_paths};

/// Looks for types that grow with every full collection: the sign of a leak in a program that
/// should be in a steady state.
///
/// A program calls [`observe`](Self::observe) now and then, at moments that are alike, as between
/// two requests. A type that had more bytes each time than the time before, over the last `k`
/// times, is a suspect. A cache that fills is one, too, until it is full: so `k` is to be large
/// enough for that.
///
/// It keeps `k` + 1 amounts for each type that was alive in one of the last `k` + 1 censuses.
///
/// ```
/// use gc_core::{Heap, observe::Leaks};
///
/// let heap = Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let mut forgotten = Vec::new();
/// let mut leaks = Leaks::over(3);
/// for request in 0..5_u64 {
///     m.alloc([request; 10]); // ends with the request
///     forgotten.push(m.root(m.alloc_str("a session"))); // does not
///     leaks.observe(&mut m);
/// }
/// let report = leaks.report();
/// assert_eq!(report.suspects()[0].name, "str");
/// assert_eq!(report.suspects()[0].objects_each_time(), 1.0);
/// # drop(forgotten);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Leaks {
    collections: usize,
    seen: usize,
    /// The last `collections + 1` amounts of each type, or as many as were seen.
    types: HashMap<(&'static str, TypeShape), VecDeque<Amount>>,
}

impl Leaks {
    /// Looks for types that grow over the last `collections` full collections in a row: one at
    /// least.
    ///
    /// ```
    /// # use gc_core::observe::Leaks;
    /// assert!(Leaks::over(3).report().suspects().is_empty());
    /// ```
    #[must_use]
    pub fn over(collections: usize) -> Self {
        Self { collections: collections.max(1), seen: 0, types: HashMap::new() }
    }

    /// Takes a census, and compares it with those before. Costs what [`Census::take`] costs.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Leaks};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let mut leaks = Leaks::over(3);
    /// leaks.observe(&mut m);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn observe(&mut self, m: &mut Mutator) {
        self.add(&Census::take(m));
    }

    /// Compares a census that was taken of the heap with those before.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::{Census, Leaks}};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let mut leaks = Leaks::over(3);
    /// leaks.add(&Census::take(&mut m));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add(&mut self, census: &Census) {
        let before = self.seen.min(self.collections);
        self.seen += 1;
        for amounts in self.types.values_mut() {
            amounts.push_back(Amount::default());
        }
        for count in census.types() {
            let new = || core::iter::repeat_n(Amount::default(), before + 1).collect();
            let amounts: &mut VecDeque<Amount> = self.types.entry(count.key()).or_insert_with(new);
            if let Some(last) = amounts.back_mut() {
                *last = count.live;
            }
        }
        let most = self.collections + 1;
        self.types.retain(|_, amounts| {
            while amounts.len() > most {
                amounts.pop_front();
            }
            amounts.iter().any(|amount| amount.objects > 0)
        });
    }

    /// Returns the types that had more bytes in each of the last censuses than in the one before.
    /// Empty as long as there were too few.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Leaks};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let mut leaks = Leaks::over(2);
    /// let mut kept = Vec::new();
    /// for n in 0..3_u32 {
    ///     assert!(leaks.report().suspects().is_empty());
    ///     kept.push(m.root(m.alloc(n)));
    ///     leaks.observe(&mut m);
    /// }
    /// println!("{}", leaks.report());
    /// # assert_eq!(leaks.report().suspects().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn report(&self) -> LeakReport {
        let is_enough = self.seen > self.collections;
        let grows = |amounts: &VecDeque<Amount>| {
            amounts.iter().zip(amounts.iter().skip(1)).all(|(before, after)| after.bytes > before.bytes)
        };
        let grown = self.types.iter().filter(|(_, amounts)| is_enough && grows(amounts));
        let suspect = |name, amounts: &VecDeque<Amount>| Suspect {
            name,
            amounts: amounts.iter().copied().collect(),
            paths: Vec::new(),
        };
        let mut suspects: Vec<Suspect> = grown.map(|(&(name, _), amounts)| suspect(name, amounts)).collect();
        suspects.sort_unstable_by_key(|suspect| core::cmp::Reverse((suspect.bytes(), suspect.name)));
        LeakReport { suspects, collections: self.collections, seen: self.seen }
    }
}

/// The types that [`Leaks`] suspects.
///
/// Its text has a line for each, those that have grown by the most bytes first.
///
/// ```
/// # use gc_core::observe::Leaks;
/// assert_eq!(Leaks::over(3).report().to_string(), "0 of the 4 censuses that it takes were taken");
/// ```
#[derive(Clone, Debug)]
pub struct LeakReport {
    suspects: Vec<Suspect>,
    collections: usize,
    seen: usize,
}

impl LeakReport {
    /// Returns the suspects, those that have grown by the most bytes first.
    ///
    /// ```
    /// # use gc_core::observe::Leaks;
    /// assert!(Leaks::over(1).report().suspects().is_empty());
    /// ```
    #[must_use]
    pub fn suspects(&self) -> &[Suspect] {
        &self.suspects
    }

    /// Adds sample paths: from roots to some objects of each suspect, which show what keeps them.
    /// The first few suspects get some.
    ///
    /// A suspect that was alive before and grows slowly has objects that stay for good reasons
    /// among the samples.
    ///
    /// It costs a [`Graph`], with its pause, and some searches of it for each suspect.
    ///
    /// # Errors
    ///
    /// As [`Graph::take`].
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Leaks};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let (mut leaks, sessions) = (Leaks::over(2), m.root(Vec::<gc_core::Gc<str>>::new()));
    /// # let mut sessions = sessions;
    /// for _ in 0..3 {
    ///     let session = m.root(m.alloc_str("a session"));
    ///     sessions.get_mut(&m).push(session.get(&m));
    ///     # drop(session);
    ///     leaks.observe(&mut m);
    /// }
    /// let report = leaks.report().explain(&mut m)?;
    /// assert!(report.suspects()[0].paths[0].starts_with("3 of 3 sampled: root of Vec<"), "{report}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn explain(mut self, m: &mut Mutator) -> Result<Self, GraphError> {
        if !self.suspects.is_empty() {
            let graph = Graph::take(m)?;
            for suspect in self.suspects.iter_mut().take(EXPLAINED) {
                suspect.paths = sample_paths(&graph, suspect.name);
            }
        }
        Ok(self)
    }
}

/// The suspects to which paths are looked for.
const EXPLAINED: usize = 8;

/// A type that has grown in each of the last full collections.
///
/// ```
/// # use gc_core::{Heap, observe::Leaks};
/// # let heap = Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (mut leaks, mut kept) = (Leaks::over(2), Vec::new());
/// for n in 0..3_usize {
///     kept.extend((0..=n).map(|_| m.root(m.alloc(n))));
///     leaks.observe(&mut m);
/// }
/// let report = leaks.report();
/// let suspect = &report.suspects()[0];
/// assert_eq!(suspect.amounts.iter().map(|amount| amount.objects).collect::<Vec<_>>(), [1, 3, 6]);
/// assert_eq!((suspect.objects_each_time(), suspect.bytes_each_time()), (2.5, 40.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suspect {
    /// The name of the type.
    pub name: &'static str,
    /// What was alive in each of the last censuses, the earliest first.
    pub amounts: Vec<Amount>,
    /// Paths from roots to some of its objects, the most frequent first. Empty without
    /// [`LeakReport::explain`].
    pub paths: Vec<String>,
}

impl Suspect {
    fn ends(&self) -> Option<(Amount, Amount)> {
        Some((*self.amounts.first()?, *self.amounts.last()?))
    }

    /// By how much it has grown.
    fn bytes(&self) -> usize {
        self.ends().map_or(0, |(first, last)| last.bytes.saturating_sub(first.bytes))
    }

    /// The mean over the steps between censuses.
    fn each_time(&self, of: fn(Amount) -> usize) -> f64 {
        let steps = self.amounts.len().saturating_sub(1).max(1);
        self.ends().map_or(0.0, |(first, last)| (of(last) as f64 - of(first) as f64) / steps as f64)
    }

    /// Returns by how many objects the type has grown from one census to the next, in the mean.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Leaks};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// # let (mut leaks, mut kept) = (Leaks::over(1), Vec::new());
    /// for n in 0..2_u8 {
    ///     kept.push(m.root(m.alloc(n)));
    ///     leaks.observe(&mut m);
    /// }
    /// assert_eq!(leaks.report().suspects()[0].objects_each_time(), 1.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn objects_each_time(&self) -> f64 {
        self.each_time(|amount| amount.objects)
    }

    /// Returns by how many bytes the type has grown from one census to the next, in the mean.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Leaks};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// # let (mut leaks, mut kept) = (Leaks::over(1), Vec::new());
    /// for n in 0..2_u8 {
    ///     kept.push(m.root(m.alloc(n)));
    ///     leaks.observe(&mut m);
    /// }
    /// assert_eq!(leaks.report().suspects()[0].bytes_each_time(), 16.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn bytes_each_time(&self) -> f64 {
        self.each_time(|amount| amount.bytes)
    }
}

impl fmt::Display for LeakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suspects, collections, seen } = self;
        if seen <= collections {
            return write!(f, "{seen} of the {} censuses that it takes were taken", collections + 1);
        }
        write!(f, "types that have grown in each of the last {collections} full collections: {}", suspects.len())?;
        for suspect in suspects {
            let Some((_, last)) = suspect.ends() else { continue };
            let (name, objects, bytes) = (suspect.name, suspect.objects_each_time(), suspect.bytes_each_time());
            write!(f, "\n  {name}: {} objects ({objects:+.1} each time), ", last.objects)?;
            write!(f, "{} bytes ({bytes:+.1} each time)", last.bytes)?;
            for path in &suspect.paths {
                write!(f, "\n    {path}")?;
            }
        }
        Ok(())
    }
}
